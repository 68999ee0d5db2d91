import { setTimeout as pause } from 'node:timers/promises'
import type { Closable, Logger } from '@agentfleet/runtime'

/** The registry calls that a registration needs. */
export interface RegistrationCalls {
  /** Whether this error of a call means that Consul is away, so that it may succeed later. */
  isOutage(error: unknown): boolean
  register(): Promise<unknown>
  /** Whether Consul lists the entry with its check, in any state of the check. */
  listed(): Promise<boolean>
  deregister(): Promise<unknown>
}

/**
 * Milliseconds between two checks. A node that Consul has lost gets no tasks until the next check registers it
 * again.
 */
const LOOK_EVERY_MS = 2_000
const REGISTER_TRIES = 10
const REGISTER_RETRY_MS = 500

/**
 * Registers an entry in Consul, or at least tries to, and keeps it registered; `close` takes it out. Rejects when Consul
 * refuses it in all of the first attempts.
 *
 * States: registering → listed ⇄ missing → closed. Invariants: REG-1 an entry that Consul has lost, or whose
 * health check it has lost, is registered again within one look; REG-2 an entry that Consul lists with its check is
 * not touched, whatever its health, because only its check may make it healthy again; REG-3 nothing is registered
 * after `close`; REG-4 a service starts while Consul is away, and is registered once Consul is back.
 */
export async function keepRegistered(
  calls: RegistrationCalls,
  { log, answers }: { readonly log: Logger; readonly answers: (answers: boolean) => void },
): Promise<Closable> {
  let away = !(await registerFirst(calls, log))
  if (away) answers(false)
  const closing = new AbortController()

  const look = async (): Promise<void> => {
    try {
      const listed = await calls.listed()
      away = false
      answers(true)
      if (listed || closing.signal.aborted) return
      await calls.register()
      log.warn({}, 'Consul did not have this service; the process has registered it again')
    } catch (error) {
      // An outage shows nothing about the entry; one line for each outage is enough.
      if (!away)
        log.warn(
          { err: error },
          'Consul does not answer; the process could not check its registration',
        )
      away = true
      answers(false)
    }
  }
  const keep = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      const { signal } = closing
      await pause(LOOK_EVERY_MS, undefined, { signal, ref: false }).catch(() => undefined)
      if (!signal.aborted) await look()
    }
  }
  const kept = keep()

  return {
    async close() {
      closing.abort()
      // REG-3: a check under way could register the entry after the end.
      await kept
      await calls.deregister().catch((error: unknown) => {
        log.warn(
          { err: error },
          'The process could not deregister its service in Consul; a check of Consul will remove the service',
        )
      })
    },
  }
}

/** False when Consul is away (REG-4). */
async function registerFirst(calls: RegistrationCalls, log: Logger): Promise<boolean> {
  for (let tries = 1; ; tries += 1) {
    try {
      await calls.register()
      return true
    } catch (error) {
      const outage = calls.isOutage(error)
      if (!outage && tries >= REGISTER_TRIES) throw error
      log.warn(
        { err: error },
        'The process could not register its service in Consul; it tries again',
      )
      if (outage) return false
      await pause(REGISTER_RETRY_MS)
    }
  }
}
