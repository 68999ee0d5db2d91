import { setTimeout as delay } from 'node:timers/promises'
import { createClient, type Client } from '@agentfleet/client'
import { isTerminal } from '@agentfleet/domain'
import type { Fleet } from '@agentfleet/local'

/** The parts of the proof, and the steps that they share. */

/** The parts, in the order in which they run. */
export const PARTS = ['waiting', 'redis', 'viewers'] as const
/** A part of the proof. */
export type Part = (typeof PARTS)[number]

/** The parts to run, and their sizes. */
export interface MemoryOptions {
  readonly parts: readonly Part[]
  readonly tasks: number
  readonly kilobytes: number
  readonly seconds: number
  readonly rate: number
  readonly viewers: number
}

/** Runs a part and returns what is wrong. */
export type Proof = (
  fleet: Fleet,
  options: MemoryOptions,
  tell: (line: string) => void,
) => Promise<readonly string[]>

/** The keys of two tenants, because one may not open so many connections, and of one that reads what it asks for. */
export const KEYS = [
  'one-key-of-16-chars',
  'two-key-of-16-chars',
  'reader-key-of-16-chars',
] as const

/** Tasks that are read at once. */
const READS = 16
const AGAIN_AFTER_MS = 500

/** A client of the API; retries are left to the part. */
export function clientOf(fleet: Fleet, apiKey: string = KEYS[0]): Client {
  return createClient({ baseUrl: fleet.url, apiKey })
}

/** Runs `run` for each number below `count`, several at once. */
export async function inParallel(
  count: number,
  parallel: number,
  run: (at: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) await run(next++)
  }
  await Promise.all(Array.from({ length: parallel }, lane))
}

/** Waits until these tasks have ended; says what is wrong unless all of them completed. */
export async function unlessAllCompleted(
  client: Client,
  taskIds: readonly string[],
  withinMs: number,
): Promise<string[]> {
  const deadline = performance.now() + withinMs
  const states: Record<string, number> = {}
  await inParallel(taskIds.length, READS, async (at) => {
    for (;;) {
      const task = await client.get(taskIds[at]!).catch(() => undefined)
      const ended = task !== undefined && isTerminal(task.state)
      if (ended || performance.now() > deadline) {
        const shown = task?.state ?? 'unread'
        states[shown] = (states[shown] ?? 0) + 1
        return
      }
      await delay(AGAIN_AFTER_MS)
    }
  })
  if (states['completed'] === taskIds.length) return []
  return [`of ${taskIds.length} tasks are ${JSON.stringify(states)}`]
}
