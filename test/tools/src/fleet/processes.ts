import { readFileSync } from 'node:fs'

/** Linux' figures of processes: CPU time and memory, read from /proc. */

/** A process with its name in tables. */
export interface NamedProcess {
  readonly name: string
  readonly pid: number
}

/** Linux reports CPU time in ticks of 10 ms on every architecture that Node runs on. */
const TICK_US = 10_000
const KIB = 1024

/** CPU time so far in microseconds (user and system); 0 when the process is gone. */
export function cpuTimeUs(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name in parentheses may contain anything; fields are counted after it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * TICK_US
  } catch {
    return 0
  }
}

/** Largest resident memory so far in bytes; 0 when the process is gone. */
export function peakMemoryBytes(pid: number): number {
  try {
    const match = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    return Number(match?.[1] ?? 0) * KIB
  } catch {
    return 0
  }
}

/** Measures the CPU time that processes use between two moments. */
export function createCpuMeter(processes: () => readonly NamedProcess[]) {
  const started = new Map(processes().map(({ pid }) => [pid, cpuTimeUs(pid)]))
  const startedAt = performance.now()
  return {
    /** Microseconds by name since the start, and how long that was. */
    read(): { readonly usedUs: ReadonlyMap<string, number>; readonly elapsedUs: number } {
      const usedUs = new Map<string, number>()
      for (const { name, pid } of processes()) {
        const used = cpuTimeUs(pid) - (started.get(pid) ?? 0)
        usedUs.set(name, (usedUs.get(name) ?? 0) + used)
      }
      return { usedUs, elapsedUs: (performance.now() - startedAt) * 1000 }
    },
  }
}
