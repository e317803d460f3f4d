// settle.ts - lets every promise that can go on go on, at once: what a turn of the real event loop does after each event

/**
 * Node's own function for this, which it keeps for embedders: twenty times as fast as a turn of the event loop, and a run
 * has ten thousand events. It works only outside of promises.
 */
const tick: unknown = Reflect.get(process, '_tickCallback')

export function settle(): void {
  if (typeof tick !== 'function') throw new Error('this Node has no process._tickCallback: the simulator needs it')
  tick.call(process)
}
