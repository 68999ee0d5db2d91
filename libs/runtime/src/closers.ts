/**
 * The resources of a process, closed in the reverse order of their opening.
 *
 * States: open → closed, once. Invariants: each resource is closed exactly once, one at a time, and awaited
 * no longer than its deadline; a resource that fails or hangs does not keep the other resources open; a
 * resource that is added after the closing began (a late connect) is closed at once.
 */
import { settleWithin } from './deadline.ts'
import type { Logger } from './logger.ts'
import type { Closable } from './service.ts'

/** Where a service registers resources that must be closed at the end. */
export interface Closers {
  /** Registers a resource and returns it. */
  add<T extends Closable>(resource: T): T
}

/** A collection of resources: one part of the code adds them, and another closes all of them. */
export type ClosersOwner = ReturnType<typeof createClosers>

/** Creates an empty stack of resources, each of which has this long to close. */
export function createClosers(log: Logger, deadlineEachMs: number) {
  const resources: Closable[] = []
  let closing: Promise<void> | undefined

  async function closeOne(resource: Closable) {
    try {
      const inTime = await settleWithin(resource.close(), deadlineEachMs)
      if (!inTime)
        log.warn(
          { deadlineMs: deadlineEachMs },
          'A connection or server of the process did not close in time',
        )
    } catch (error) {
      log.warn({ err: error }, 'A connection or server of the process could not be closed')
    }
  }

  async function closeInReverse() {
    for (let resource = resources.pop(); resource; resource = resources.pop()) {
      await closeOne(resource)
    }
  }

  return {
    add<T extends Closable>(resource: T): T {
      if (closing) void closeOne(resource)
      else resources.push(resource)
      return resource
    },
    /** Closes everything, last opened first; never rejects; a second call waits for the first. */
    closeAll(): Promise<void> {
      closing ??= closeInReverse()
      return closing
    },
  }
}
