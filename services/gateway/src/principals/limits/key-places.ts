import type { CallerLimits } from '@agentfleet/adapters'
import { openShare } from '@agentfleet/domain'
import type { Logger } from '@agentfleet/runtime'
import { inTime, type RedisSilence } from './redis-silence.ts'

/** Whether a request may be open; `alone`: this gateway decided without Redis. */
export interface Place {
  readonly kind: 'entered' | 'full'
  readonly alone: boolean
}

/** Requests of one question, about 50 bytes each. */
const ASKED_MAX = 500
/** Releases that wait, about 50 bytes each; Redis answers within a millisecond, in which far fewer requests end. */
const LEAVING_MAX = 5_000
const FULL: Place = { kind: 'full', alone: false }

interface Entering {
  readonly member: string
  readonly concurrent: number
  readonly settle: (place: Place) => void
}

/** The questions of one key. */
interface Line {
  asking: boolean
  entering: Entering[]
  leaving: string[]
}

interface PlaceDeps {
  readonly shared: Pick<CallerLimits, 'open' | 'renew' | 'connected'>
  readonly silence: RedisSilence
  /** Returns how many gateways serve the fleet. */
  readonly gateways: () => number
  readonly log: Pick<Logger, 'debug'>
}

/**
 * Creates the places of the requests of keys that are open at once, at one gateway; at first none is taken. Redis
 * counts them for all gateways.
 *
 * Requests that arrive while a question of their key is under way share the next question, which also frees the
 * places of requests that have ended meanwhile. So a busy key costs one question for many requests. Invariants: a
 * request enters only if Redis has counted it, or as one of the gateway's own share while Redis does not answer; a
 * place whose release is lost ends with its lease; one question of a key is under way, with at most ASKED_MAX
 * requests, and a request waits at most ANSWER_WITHIN_MS for it and as long for the question before it; at most
 * LEAVING_MAX releases of a key wait for the next question (L7). Redis hears of the requests that this gateway let
 * in alone with the first question after its silence.
 */
export function createKeyPlaces(deps: PlaceDeps) {
  const { shared, silence } = deps
  const open = createOpenRequests(deps)
  const lines = new Map<string, Line>()

  function lineOf(keyId: string): Line {
    const line = lines.get(keyId) ?? { asking: false, entering: [], leaving: [] }
    lines.set(keyId, line)
    return line
  }

  /** Asks for the requests that wait, until none waits. */
  async function ask(keyId: string, line: Line): Promise<void> {
    if (line.asking) return
    line.asking = true
    while (line.entering.length + line.leaving.length > 0) {
      if (silence.isAlone()) {
        for (const { member, concurrent, settle } of line.entering.splice(0)) {
          settle(open.enterUncounted(keyId, concurrent, member))
        }
        if (line.leaving.length === 0) break
      }
      await askOnce(keyId, line.entering.splice(0, ASKED_MAX), line.leaving.splice(0, ASKED_MAX))
    }
    line.asking = false
    lines.delete(keyId)
  }

  async function askOnce(keyId: string, entering: readonly Entering[], leaving: readonly string[]) {
    const members = entering.map(({ member }) => member)
    const concurrent = entering[0]?.concurrent ?? 0
    open.tell(keyId)
    const asking = silence.ask(keyId, shared.open(keyId, concurrent, members, leaving))
    const entered = await inTime(asking)
    if (entered !== undefined) {
      entering.forEach(({ member, settle }, at) =>
        settle(at < entered ? open.enter(keyId, member, false) : FULL),
      )
      return
    }
    const places = entering.map(({ member, settle }) => {
      const place = open.enterAlone(keyId, concurrent, member)
      settle(place)
      return place
    })
    void asking.then((late = 0) => {
      // Requests that this gateway refused must not stay open.
      const refused = members.slice(0, late).filter((_, at) => places[at]?.kind === 'full')
      leaveAll(keyId, refused)
    })
  }

  function leaveAll(keyId: string, members: readonly string[]): void {
    if (members.length === 0) return
    const line = lineOf(keyId)
    if (line.leaving.length < LEAVING_MAX) line.leaving.push(...members)
    void ask(keyId, line)
  }

  return {
    /** Counts a request; one that entered is open until `leave`. */
    enter(keyId: string, concurrent: number, member: string): Promise<Place> {
      if (silence.isAlone()) return Promise.resolve(open.enterUncounted(keyId, concurrent, member))
      const line = lineOf(keyId)
      return new Promise((settle) => {
        line.entering.push({ member, concurrent, settle })
        void ask(keyId, line)
      })
    },
    leave(keyId: string, member: string): void {
      if (open.leave(keyId, member)) leaveAll(keyId, [member])
    },
    /** Keeps open requests counted in Redis. */
    renew: open.renew,
  }
}

/** Creates the open requests of the keys at this gateway; at first none is open. */
function createOpenRequests({ shared, gateways, log }: PlaceDeps) {
  const open = new Map<string, Set<string>>()
  /** The open requests that Redis has not counted. */
  const uncounted = new Map<string, Set<string>>()

  function enter(keyId: string, member: string, alone: boolean): Place {
    open.set(keyId, (open.get(keyId) ?? new Set()).add(member))
    return { kind: 'entered', alone }
  }

  function enterAlone(keyId: string, concurrent: number, member: string): Place {
    const share = openShare(concurrent, gateways())
    if ((open.get(keyId)?.size ?? 0) >= share) return { kind: 'full', alone: true }
    return enter(keyId, member, true)
  }

  /** Lets a request in about which Redis is not asked. */
  function enterUncounted(keyId: string, concurrent: number, member: string): Place {
    const place = enterAlone(keyId, concurrent, member)
    if (place.kind === 'entered') {
      uncounted.set(keyId, (uncounted.get(keyId) ?? new Set()).add(member))
    }
    return place
  }

  /** Tells Redis about the requests that it has not counted; the connection keeps the order. */
  function tell(keyId: string): void {
    const members = uncounted.get(keyId)
    if (members === undefined) return
    uncounted.delete(keyId)
    shared.renew(keyId, [...members]).catch((error: unknown) => {
      log.debug({ err: error, keyId }, 'Redis did not count the open requests of a key')
    })
  }

  return {
    enter,
    enterAlone,
    enterUncounted,
    tell,
    /** Returns whether Redis has counted the request, so that it must hear of its end. */
    leave(keyId: string, member: string): boolean {
      const members = open.get(keyId)
      if (!members?.delete(member)) return false
      if (members.size === 0) open.delete(keyId)
      const unknown = uncounted.get(keyId)
      if (unknown?.delete(member) !== true) return true
      if (unknown.size === 0) uncounted.delete(keyId)
      return false
    },
    async renew(): Promise<void> {
      if (!shared.connected()) return
      uncounted.clear()
      await Promise.all([...open].map(([keyId, members]) => shared.renew(keyId, [...members])))
    },
  }
}
