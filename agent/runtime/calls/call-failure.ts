// call-failure.ts - thrown where a call cannot be answered; becomes its result
export class CallFailure extends Error {
  readonly reason: string
  constructor(reason: string, message: string) {
    super(message)
    this.name = 'CallFailure'
    this.reason = reason
  }
}
