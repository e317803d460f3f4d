// pause-program.ts - the program that holds a pod's network: waits for TERM, then ends; a few machine words, no library
//
// In C it would be:
//   static const uint64_t set = 1 << (SIGTERM - 1) | 1 << (SIGINT - 1);
//   rt_sigprocmask(SIG_BLOCK, &set, NULL, 8);
//   while (rt_sigtimedwait(&set, NULL, NULL, 8) < 0);      // -EINTR after a stop and continue
//   exit(0);
// A first process ignores TERM unless it asks for it; a blocked signal is kept, and waiting for it needs no handler.

/** TERM is 15, INT is 2; bit n - 1 stands for signal n. Eight bytes, little-endian, after the code. */
const SIGNALS = [0x02, 0x40, 0, 0, 0, 0, 0, 0]

/** x86_64: system call number in eax, arguments in rdi, rsi, rdx, r10. Offsets on the left. */
const AMD64 = [
  [0xb8, 0x0e, 0, 0, 0], //            00 mov eax, 14              rt_sigprocmask
  [0x31, 0xff], //                     05 xor edi, edi             SIG_BLOCK
  [0x48, 0x8d, 0x35, 43, 0, 0, 0], //  07 lea rsi, [rip + 43]      the set, at 57
  [0x31, 0xd2], //                     14 xor edx, edx             no old mask
  [0x41, 0xba, 8, 0, 0, 0], //         16 mov r10d, 8              bytes in a set; system calls keep r10
  [0x0f, 0x05], //                     22 syscall
  [0xb8, 0x80, 0, 0, 0], //            24 mov eax, 128             rt_sigtimedwait  <- loop
  [0x48, 0x8d, 0x3d, 21, 0, 0, 0], //  29 lea rdi, [rip + 21]      the set, at 57
  [0x31, 0xf6], //                     36 xor esi, esi             no details wanted
  [0x31, 0xd2], //                     38 xor edx, edx             no time limit
  [0x0f, 0x05], //                     40 syscall
  [0x85, 0xc0], //                     42 test eax, eax
  [0x78, 0xea], //                     44 js 24                    interrupted: wait again (46 - 22)
  [0xb8, 0x3c, 0, 0, 0], //            46 mov eax, 60              exit
  [0x31, 0xff], //                     51 xor edi, edi
  [0x0f, 0x05], //                     53 syscall
  [0x0f, 0x0b], //                     55 ud2                      never reached
].flat()

/** aarch64: number in x8, arguments in x0 to x3. One word an instruction. */
const ARM64 = words([
  0xd28010e8, // 00 mov x8, #135     rt_sigprocmask
  0xd2800000, // 04 mov x0, #0       SIG_BLOCK
  0x100001a1, // 08 adr x1, +52      the set, at 60
  0xd2800002, // 12 mov x2, #0
  0xd2800103, // 16 mov x3, #8
  0xd4000001, // 20 svc #0
  0xd2801128, // 24 mov x8, #137     rt_sigtimedwait  <- loop
  0x10000100, // 28 adr x0, +32      the set, at 60
  0xd2800001, // 32 mov x1, #0
  0xd4000001, // 36 svc #0
  0xb7ffffa0, // 40 tbnz x0, #63, -12  negative: back to 28, x8 is kept
  0xd2800ba8, // 44 mov x8, #93      exit
  0xd2800000, // 48 mov x0, #0
  0xd4000001, // 52 svc #0
  0xd4200000, // 56 brk #0           never reached
])

/** arm, 32 bit, EABI: number in r7, arguments in r0 to r3; pc reads as the instruction's address plus 8. */
const ARM = words([
  0xe3a070af, // 00 mov r7, #175     rt_sigprocmask
  0xe3a00000, // 04 mov r0, #0       SIG_BLOCK
  0xe28f1030, // 08 add r1, pc, #48  the set, at 64
  0xe3a02000, // 12 mov r2, #0
  0xe3a03008, // 16 mov r3, #8
  0xef000000, // 20 svc #0
  0xe3a070b1, // 24 mov r7, #177     rt_sigtimedwait
  0xe28f001c, // 28 add r0, pc, #28  the set, at 64  <- loop
  0xe3a01000, // 32 mov r1, #0
  0xef000000, // 36 svc #0
  0xe3500000, // 40 cmp r0, #0
  0xbafffffa, // 44 blt 28           (28 - 52) / 4 = -6
  0xe3a07001, // 48 mov r7, #1       exit
  0xe3a00000, // 52 mov r0, #0
  0xef000000, // 56 svc #0
  0xe7f000f0, // 60 udf #0           never reached
])

function words(list: readonly number[]): number[] {
  return list.flatMap((word) => [word & 255, (word >>> 8) & 255, (word >>> 16) & 255, word >>> 24])
}

interface Machine {
  /** e_machine. */
  number: number
  bits: 32 | 64
  /** e_flags: on arm, version 5 of the EABI, without which the kernel refuses the file. */
  flags: number
  /** Any free page aligned to the largest page size in use (64 KiB). */
  base: number
  code: readonly number[]
}

/** By the engines' names of architectures. */
const MACHINES: Readonly<Record<string, Machine>> = {
  amd64: { number: 0x3e, bits: 64, flags: 0, base: 0x400000, code: AMD64 },
  arm64: { number: 0xb7, bits: 64, flags: 0, base: 0x400000, code: ARM64 },
  arm: { number: 0x28, bits: 32, flags: 0x05000000, base: 0x10000, code: ARM },
}

/** undefined: we have no program for this architecture. */
export function pauseProgram(architecture: string): Buffer | undefined {
  const machine = MACHINES[architecture]
  return machine && elf(machine)
}

/** One header, one segment that is the whole file, readable and executable, started right after the headers. */
function elf({ number, bits, flags, base, code }: Machine): Buffer {
  const wide = bits === 64
  const headerBytes = wide ? 64 : 52
  const segmentBytes = wide ? 56 : 32
  const start = headerBytes + segmentBytes
  const file = Buffer.alloc(start + code.length + SIGNALS.length)
  let at = 0
  const half = (value: number) => (at = file.writeUInt16LE(value, at))
  const word = (value: number) => (at = file.writeUInt32LE(value, at))
  const address = (value: number) => (wide ? (at = file.writeBigUInt64LE(BigInt(value), at)) : word(value))
  // 7f E L F, class (1: 32 bit, 2: 64 bit), little-endian, version 1; the rest of the sixteen is zero
  at = 16
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, 1, 1]).copy(file)
  half(2) // an executable
  half(number)
  word(1) // version
  address(base + start) // entry
  address(headerBytes) // program headers follow
  address(0) // no section headers
  word(flags)
  for (const value of [headerBytes, segmentBytes, 1, 0, 0, 0]) half(value)
  const READ_EXECUTE = 5
  word(1) // a segment to load
  if (wide) word(READ_EXECUTE)
  for (const value of [0, base, base, file.length, file.length]) address(value)
  if (!wide) word(READ_EXECUTE)
  address(0x1000) // alignment
  Buffer.from([...code, ...SIGNALS]).copy(file, start)
  return file
}
