// tar.ts - writes small tar archives in memory, byte for byte the same each time
export interface TarEntry {
  name: string
  data: Uint8Array
  mode: number
}

const BLOCK = 512

export function tarOf(entries: readonly TarEntry[]): Buffer {
  const parts = entries.flatMap((entry) => [header(entry), entry.data, Buffer.alloc(padding(entry.data.length))])
  // Two empty blocks end an archive.
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)])
}

const padding = (length: number) => (BLOCK - (length % BLOCK)) % BLOCK

/** A ustar header: numbers in octal, owner root, time zero; the checksum counts its own field as spaces. */
function header({ name, data, mode }: TarEntry): Buffer {
  const block = Buffer.alloc(BLOCK)
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, '0')
  block.write(name, 0, 100)
  block.write(`${octal(mode, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0`, 100)
  block.write(`${octal(data.length, 11)}\0${octal(0, 11)}\0${' '.repeat(8)}0`, 124)
  block.write('ustar\x0000', 257)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${octal(sum, 6)}\0 `, 148)
  return block
}
