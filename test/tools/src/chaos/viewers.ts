import { setMaxListeners } from 'node:events'
import type { Client, WatchFrame } from '@agentfleet/client'
import type { Histories } from '../invariants/logged-event.ts'
import type { Violation } from '../invariants/violation.ts'

/**
 * Viewers that follow a share of the tasks through the stream of the gateways, whatever happens to these. They uphold
 * I10: a viewer gets every event of its task, each once, in order, and up to its end.
 */
export interface Viewers {
  /** Follows every twentieth of these tasks until it ends. */
  follow(taskId: string): void
  /** The number of tasks that were followed. */
  count(): number
  /** Waits until every viewer has the end of its task, but not for longer than this, and compares with the log. */
  check(histories: Histories, withinMs: number): Promise<Violation[]>
}

/** Each viewer is a connection, so only one of so many tasks has one. */
const TASKS_A_VIEWER = 20
/** Each viewer listens to the signal that ends all of them. */
const VIEWERS_MAX = 100_000

interface Viewer {
  readonly taskId: string
  readonly seqs: number[]
  over: boolean
}

/** Creates the viewers, at first none; they are spread over the gateways. */
export function startViewers(clients: readonly Pick<Client, 'watch'>[]): Viewers {
  const viewers: Viewer[] = []
  const watches: Promise<void>[] = []
  const stopping = new AbortController()
  setMaxListeners(VIEWERS_MAX, stopping.signal)
  let tasks = 0

  async function watch(viewer: Viewer, frames: AsyncIterable<WatchFrame>): Promise<void> {
    for await (const frame of frames) if (frame.type === 'event') viewer.seqs.push(frame.seq)
    viewer.over = true
  }

  return {
    follow(taskId) {
      tasks += 1
      if (tasks % TASKS_A_VIEWER !== 0) return
      const viewer = { taskId, seqs: [], over: false }
      viewers.push(viewer)
      const client = clients[viewers.length % clients.length]!
      const frames = client.watch([taskId], { signal: stopping.signal })
      // What a viewer that was ended lacks is found by the comparison.
      watches.push(watch(viewer, frames).catch(() => undefined))
    },
    count: () => viewers.length,
    async check(histories, withinMs) {
      const late = setTimeout(() => stopping.abort(), withinMs)
      await Promise.all(watches)
      clearTimeout(late)
      return viewers.flatMap(({ taskId, seqs, over }): Violation[] => {
        const stored = (histories.get(taskId) ?? []).map(({ seq }) => seq)
        if (over && stored.join() === seqs.join()) return []
        const detail = `its viewer got the events ${seqs.join()} of ${stored.join()}`
        return [{ rule: 'I10', taskId, detail }]
      })
    },
  }
}
