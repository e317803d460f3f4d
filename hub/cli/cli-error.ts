// cli-error.ts - what a command says in one line before it ends with exit code 1
export class CliError extends Error {
  override readonly name = 'CliError'
}
