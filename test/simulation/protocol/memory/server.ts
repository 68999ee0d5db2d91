import type { Chance } from '../time/random.ts'
import type { Process, VirtualTime } from '../time/virtual-time.ts'
import { createMemoryApi, type MemoryApi } from './api.ts'
import { createInterest } from './interest.ts'
import { statusTo, type Heard, type Network, type Wire } from './wire.ts'

/**
 * A NATS server in memory: subjects, queue groups, "no responders", and JetStream (`api.ts`).
 *
 * Every message takes time, and may be lost, late, or doubled. Messages of one connection keep their order,
 * except the late ones. While the server is down, or a connection is cut, every message is lost; streams keep
 * their messages, consumers may return to an older state.
 */
export interface MemoryNats {
  readonly api: MemoryApi
  connect(process: Process): Link
  /** Closes the connection of a process, as its death does. */
  disconnect(process: Process): void
  /** Cuts the connection of a process for this long. */
  cut(process: Process, forMs: number): void
  /** Kills the server for this long. */
  restart(downMs: number): void
}

/** The connection of one process. */
export interface Link {
  readonly process: Process
  send(wire: Wire): void
  subscribe(subject: string, queue: string | undefined, receive: (wire: Wire) => void): () => void
  connected(): boolean
  /** Called when the connection is back. */
  onReconnect(listener: () => void): () => void
}

interface Subscription {
  readonly queue: string | undefined
  readonly link: Connection
  readonly receive: (wire: Wire) => void
  open: boolean
}

interface Connection extends Link {
  /** Messages to and from this process arrive in this order. */
  toServerAtMs: number
  toClientAtMs: number
  awayUntilMs: number
  /** Counts the breaks of the connection: messages on their way are lost then. */
  breaks: number
  readonly listeners: Set<() => void>
  readonly closers: Set<() => void>
}

/** One way between a process and the server, milliseconds. */
const HOP_MIN_MS = 0.2
const HOP_SPREAD_MS = 0.8
/** The second copy of a message arrives within this, milliseconds. */
const TWICE_WITHIN_MS = 20
/** Clients reconnect one after the other within this, milliseconds. */
const RETURN_MIN_MS = 10
const RETURN_SPREAD_MS = 200

/** Creates a server that has no streams yet. */
export function createMemoryNats(
  time: VirtualTime,
  chance: Chance,
  network: Network,
  heard?: Heard,
): MemoryNats {
  const interest = createInterest<Subscription>()
  const connections = new Map<Process, Connection>()
  const server = processOf('nats', chance, true)
  let life = 0
  let downUntilMs = 0

  const hopMs = (): number => HOP_MIN_MS + HOP_SPREAD_MS * chance()
  const connected = ({ awayUntilMs }: Connection): boolean =>
    time.nowMs() >= Math.max(downUntilMs, awayUntilMs)

  const deliver = (to: Subscription, wire: Wire, extraMs: number): void => {
    const { link } = to
    const { breaks, process } = link
    if (!connected(link)) return
    link.toClientAtMs = Math.max(link.toClientAtMs, time.nowMs() + extraMs + hopMs())
    time.at(link.toClientAtMs, process, () => {
      if (to.open && breaks === link.breaks) to.receive(wire)
    })
  }

  /** Delivers a message to all listeners; false when there are none. */
  const route = (wire: Wire, extraMs: number): boolean => {
    const found = interest.of(wire.to ?? wire.subject)
    if (found.length === 0) return false
    let groups: Map<string, Subscription[]> | undefined
    for (const each of found) {
      if (each.queue === undefined) {
        deliver(each, wire, extraMs)
        continue
      }
      groups ??= new Map()
      groups.set(each.queue, [...(groups.get(each.queue) ?? []), each])
    }
    for (const members of groups?.values() ?? []) {
      const chosen = members[Math.floor(chance() * members.length)]
      if (chosen !== undefined) deliver(chosen, wire, extraMs)
    }
    return true
  }

  const api = createMemoryApi({
    time,
    chance,
    server,
    say(wire) {
      if (!network(wire.to ?? wire.subject).lost) route(wire, 0)
    },
    listens: (subject) => interest.of(subject).length > 0,
  })

  /** A message for streams is an event of the server; any other only passes through it. */
  const arrive = (wire: Wire, atMs: number): void => {
    if (api.isFor(wire.subject)) {
      const sent = life
      time.at(atMs, server, () => {
        if (sent === life) api.receive(wire)
      })
      return
    }
    const extraMs = atMs - time.nowMs()
    if (route(wire, extraMs) || wire.reply === '') return
    route(statusTo(wire.reply, 503, 'No Responders'), extraMs)
  }

  const send = (link: Connection, wire: Wire): void => {
    if (!link.process.alive || !connected(link)) return
    const fate = network(wire.subject)
    heard?.(link.process, wire, fate)
    if (fate.lost) return
    link.toServerAtMs = Math.max(link.toServerAtMs, time.nowMs() + hopMs())
    const atMs = fate.lateMs > 0 ? time.nowMs() + fate.lateMs : link.toServerAtMs
    arrive(wire, atMs)
    if (fate.twice) arrive(wire, atMs + hopMs() + TWICE_WITHIN_MS * chance())
  }

  const subscribe = (
    link: Connection,
    subject: string,
    queue: string | undefined,
    receive: (wire: Wire) => void,
  ): (() => void) => {
    const own: Subscription = { queue, link, receive, open: true }
    const remove = interest.add(subject, own)
    const close = (): void => {
      own.open = false
      link.closers.delete(close)
      remove()
    }
    link.closers.add(close)
    return close
  }

  const comeBack = (link: Connection, atMs: number): void => {
    link.breaks += 1
    const { breaks, process, listeners } = link
    time.at(atMs, process, () => {
      // It broke again meanwhile: the last break decides when it is back.
      if (breaks === link.breaks) for (const listener of listeners) listener()
    })
  }

  return {
    api,
    connect(process) {
      const link: Connection = {
        process,
        toServerAtMs: 0,
        toClientAtMs: 0,
        awayUntilMs: 0,
        breaks: 0,
        listeners: new Set(),
        closers: new Set(),
        send: (wire) => send(link, wire),
        subscribe: (...listener) => subscribe(link, ...listener),
        connected: () => connected(link),
        onReconnect(listener) {
          link.listeners.add(listener)
          return () => link.listeners.delete(listener)
        },
      }
      connections.set(process, link)
      return link
    },
    disconnect(process) {
      for (const close of connections.get(process)?.closers ?? []) close()
      connections.delete(process)
    },
    cut(process, forMs) {
      const link = connections.get(process)
      if (link === undefined) return
      link.awayUntilMs = time.nowMs() + forMs
      comeBack(link, link.awayUntilMs + 1)
    },
    restart(downMs) {
      life += 1
      downUntilMs = time.nowMs() + downMs
      api.crashed()
      for (const link of connections.values()) {
        comeBack(link, downUntilMs + RETURN_MIN_MS + RETURN_SPREAD_MS * chance())
      }
    },
  }
}

/** A pseudo process that lives as long as the history. */
export function processOf(id: string, random: Chance, settled = false): Process {
  return { id, alive: true, settled, frozenUntilMs: 0, clockOffsetMs: 0, random }
}
