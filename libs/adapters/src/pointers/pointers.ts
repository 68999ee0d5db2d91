import {
  CHANNELS,
  STREAMS,
  SUBJECTS,
  taskIdOf,
  TENANTS_NAMED_MAX,
  toStored,
  type Pointer,
  type PointerQueue,
  type TenantQueue,
} from '@agentfleet/protocol'
import { createAppender } from '../log/appends.ts'
import type { Bus } from '../bus/bus.ts'
import { readMessage, streamFill, streamSubjects } from '../log/stream-reads.ts'

/**
 * The pointers on TASKS. One subject per task and at most one message per subject: the server refuses a
 * second pointer, so any service may safely issue one again (L8).
 */
export interface Pointers {
  /** Issues a pointer without waiting, and announces its queue; the follower repairs a lost pointer. */
  issue(pointer: Pointer, queue: PointerQueue): void
  /** Issues a pointer and waits until the server confirms it. */
  issueSurely(pointer: Pointer, queue: PointerQueue): Promise<'issued' | 'present' | 'unknown'>
  has(queue: PointerQueue, tenant: string, taskId: string): Promise<boolean>
  /** Takes the pointer back from this queue, or from that of running tasks; true when it existed. */
  remove(queue: PointerQueue, tenant: string, taskId: string): Promise<boolean>
  /** Ids of all tasks that have a pointer. */
  taskIds(): Promise<Set<string>>
  count(): Promise<number>
  /** Tells every load balancer that these queues have tasks, so that each queue has a listener. */
  announce(queues: Iterable<TenantQueue>): void
}

const ISSUE_WITHIN_MS = 5_000
const DELETE_WITHIN_MS = 2_000
/** A queue that constantly receives pointers is announced this often, milliseconds. */
const ANNOUNCE_EVERY_MS = 1_000
/** Announced queues that are kept in memory. */
const ANNOUNCED_MAX = 10_000

/** Works on TASKS over this connection. */
export function openPointers(bus: Bus): Pointers {
  const appender = createAppender(bus)
  const find = (queue: PointerQueue, tenant: string, taskId: string) =>
    readMessage(bus, STREAMS.tasks, { last_by_subj: SUBJECTS.pointer(queue, tenant, taskId) })
  const removeFrom = async (
    queue: PointerQueue,
    tenant: string,
    taskId: string,
  ): Promise<boolean> => {
    const message = await find(queue, tenant, taskId)
    if (message === undefined) return false
    const answer = await bus.request(
      `$JS.API.STREAM.MSG.DELETE.${STREAMS.tasks}`,
      JSON.stringify({ seq: message.seq, no_erase: true }),
      DELETE_WITHIN_MS,
    )
    return answer.kind === 'reply'
  }
  const announced = new Map<string, number>()
  const announce = (queues: Iterable<TenantQueue>): void => {
    const all = [...queues]
    for (let start = 0; start < all.length; start += TENANTS_NAMED_MAX) {
      const hint = { queues: all.slice(start, start + TENANTS_NAMED_MAX) }
      bus.send(CHANNELS.waiting, hint)
    }
  }
  const announceNow = (tenant: string, queue: PointerQueue): void => {
    // The consumer of running tasks always has a listener.
    if (queue === 'running') return
    const key = `${queue}.${tenant}`
    const now = performance.now()
    if (now - (announced.get(key) ?? -Infinity) < ANNOUNCE_EVERY_MS) return
    if (announced.size >= ANNOUNCED_MAX) announced.clear()
    announced.set(key, now)
    announce([{ tenant, priority: queue }])
  }
  return {
    announce,
    issue(pointer, queue) {
      bus.publish(
        SUBJECTS.pointer(queue, pointer.tenant, pointer.taskId),
        toStored(pointer, 'pointer'),
      )
      announceNow(pointer.tenant, queue)
    },
    async issueSurely(pointer, queue) {
      const subject = SUBJECTS.pointer(queue, pointer.tenant, pointer.taskId)
      const data = toStored(pointer, 'pointer')
      const answer = await appender.append({ subject, data, deadlineMs: ISSUE_WITHIN_MS })
      announceNow(pointer.tenant, queue)
      if (answer.kind === 'stored') return 'issued'
      // The same error code means a full stream, or a subject that already has its one message.
      const present = answer.kind === 'full' && /per subject/.test(answer.reason)
      return present ? 'present' : 'unknown'
    },
    has: async (queue, tenant, taskId) => (await find(queue, tenant, taskId)) !== undefined,
    async remove(queue, tenant, taskId) {
      const removed = await Promise.all([
        removeFrom(queue, tenant, taskId),
        removeFrom('running', tenant, taskId),
      ])
      return removed.includes(true)
    },
    async taskIds() {
      const subjects = await streamSubjects(bus, STREAMS.tasks, SUBJECTS.allPointers)
      return new Set([...subjects].map(taskIdOf))
    },
    count: async () => (await streamFill(bus, STREAMS.tasks)).messages,
  }
}
