// describe-device.ts - what systeminformation knows about this device: slow and big, so it has a process of its own
import { osInfo, system } from 'systeminformation'
import type { Description } from './describe-child.ts'

export async function describeDevice(): Promise<Description> {
  const [info, machine] = await Promise.all([osInfo(), system()])
  const model = [machine.manufacturer, machine.model].filter((word) => word && word !== '-').join(' ')
  const osImage = [info.distro, info.release].filter((word) => word && word !== 'unknown').join(' ')
  return { ...(osImage && { osImage }), ...(model && { model }) }
}
