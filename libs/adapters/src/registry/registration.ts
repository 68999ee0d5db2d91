import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from '@agentfleet/runtime'

/**
 * One entry in Consul, kept there until it is closed.
 *
 * States: registering → listed ⇄ missing → closed. Invariants: REG-1 an entry that Consul has forgotten is
 * registered again within one look; REG-2 an entry that Consul lists is left alone, whatever its check says,
 * because only the check may call it healthy again; REG-3 nothing is registered after `close`.
 */
export interface Registration {
  /** Takes the entry out of Consul. */
  close(): Promise<void>
}

/** The calls that a registration consists of. */
export interface RegistrationCalls {
  register(): Promise<unknown>
  /** Whether Consul lists the entry, with any state of its check. */
  listed(): Promise<boolean>
  deregister(): Promise<unknown>
}

/** A node that Consul forgot gets no tasks: it is back after this and one call, milliseconds. */
const LOOK_EVERY_MS = 1_000
const REGISTER_TRIES = 10
const REGISTER_RETRY_MS = 500

/** Registers an entry and keeps it registered; rejects when Consul takes it in none of the first tries. */
export async function keepRegistered(calls: RegistrationCalls, log: Logger): Promise<Registration> {
  await withTries(calls.register, log)
  const closing = new AbortController()
  let away = false

  const look = async (): Promise<void> => {
    try {
      const listed = await calls.listed()
      away = false
      if (listed || closing.signal.aborted) return
      await calls.register()
      log.warn({}, 'Consul had forgotten this service: registered again')
    } catch (error) {
      // An outage says nothing about the entry; one line for each is enough.
      if (!away) log.warn({ err: error }, 'Consul does not answer, the registration is not checked')
      away = true
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
      // REG-3: a look that is under way could register it after the end.
      await kept
      await calls.deregister().catch((error: unknown) => {
        log.warn({ err: error }, 'not deregistered, Consul will notice by its check')
      })
    },
  }
}

async function withTries(call: () => Promise<unknown>, log: Logger): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await call()
      return
    } catch (error) {
      if (tries >= REGISTER_TRIES) throw error
      log.warn({ err: error }, 'not registered in Consul yet, trying again')
      await pause(REGISTER_RETRY_MS)
    }
  }
}
