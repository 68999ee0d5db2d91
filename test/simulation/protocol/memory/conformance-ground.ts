import { test } from 'vitest'
import { createPuller, type Bus, type PulledMessage } from '../../../../libs/adapters/src/index.ts'
import { STREAMS } from '@agentfleet/protocol'

/** The ground on which the conformance tests run. */
export interface Ground {
  /** A new connection; the streams exist. */
  connect(name: string): Promise<Bus>
  /** Runs a test with the timers of this ground. */
  inside(body: () => Promise<void>): Promise<void>
}

const SOON_MS = 10_000
const LOOK_EVERY_MS = 20

type Body = (bus: Bus, connect: (name: string) => Promise<Bus>) => Promise<void>

/** Declares tests; each gets a new connection. */
export function testsOn(ground: () => Ground): (title: string, body: Body) => void {
  return (title, body) => {
    test(title, async () => {
      const { inside, connect } = ground()
      const open: Bus[] = []
      const opened = async (name: string): Promise<Bus> => {
        const bus = await connect(name)
        open.push(bus)
        return bus
      }
      await inside(async () => {
        try {
          await body(await opened('first'), opened)
        } finally {
          await Promise.all(open.map((bus) => bus.close()))
        }
      })
    })
  }
}

/** Reads messages one at a time until it has this many. */
export async function pull(bus: Bus, consumer: string, count: number): Promise<PulledMessage[]> {
  const reader = pulling(bus, consumer)
  await until(() => reader.messages.length >= count)
  reader.stop()
  return reader.messages
}

/** Reads messages one after the other until it is stopped. */
export function pulling(
  bus: Bus,
  consumer: string,
): { messages: PulledMessage[]; stop: () => void } {
  const messages: PulledMessage[] = []
  const puller = createPuller(bus, {
    stream: STREAMS.tasks,
    consumer,
    wanted: () => 1,
    receive: (message) => void messages.push(message),
  })
  return { messages, stop: puller.stop }
}

/** Waits until it holds. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const lastMs = performance.now() + SOON_MS
  while (!(await holds())) {
    if (performance.now() > lastMs) throw new Error(`it never held: ${String(holds)}`)
    await pause(LOOK_EVERY_MS)
  }
}

/** Waits. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
