import { setTimeout as delay } from 'node:timers/promises'
import { probe } from '../member.ts'
import type { createProcesses } from '../processes.ts'
import { mainOf } from '../programs.ts'
import { drawPorts, LOOPBACK } from '../servers/ports.ts'
import type { ProviderChoice } from './provider-choice.ts'
import { StartFailure } from './start-watch.ts'

/** A cold start on two busy cores takes seconds; this is for the slowest disk, milliseconds. */
export const READY_WITHIN_MS = 60_000

/** The default model that a configured provider brings, as environment. */
export function defaultModelOf(provider: ProviderChoice): Record<string, string> {
  if (provider.kind === 'simulated' || provider.defaultModel === undefined) return {}
  return { DEFAULT_MODEL: provider.defaultModel }
}

/** Starts the simulators that the options ask for; `ready` resolves when all of them answer. */
export async function startSimulators(
  options: {
    readonly simulators?: number
    readonly env?: { readonly simulator?: Readonly<Record<string, string>> }
  },
  provider: ProviderChoice,
  run: ReturnType<typeof createProcesses>['run'],
  stops: (() => Promise<void>)[],
): Promise<{ readonly urls: readonly string[]; readonly ready: Promise<unknown> }> {
  const count = options.simulators ?? (provider.kind === 'simulated' ? 1 : 0)
  const urls: string[] = []
  const answering: Promise<void>[] = []
  for (let i = 1; i <= count; i += 1) {
    const [port = 0] = await drawPorts(1)
    const env = {
      SIMULATOR_PORT: String(port),
      SIMULATOR_ANY_MODEL: '1',
      ...options.env?.simulator,
    }
    const id = `simulator-${i}`
    const member = await run('simulator', id, mainOf('libs/llm-simulator'), env)
    stops.push(() => member.stop())
    const url = `http://${LOOPBACK}:${port}`
    answering.push(untilAnswered(id, `${url}/v1/models`))
    urls.push(url)
  }
  const ready = Promise.all(answering)
  // The start awaits it later; until then a failure must not count as unhandled.
  ready.catch(() => undefined)
  return { urls, ready }
}

async function untilAnswered(id: string, url: string): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS
  while (!(await probe(url))) {
    if (performance.now() > deadline)
      throw new StartFailure(`${id} does not answer at ${url} after ${READY_WITHIN_MS / 1_000} s`)
    await delay(25)
  }
}

/** Spreads workers over the simulators by the number in their id. */
export function nextOf(urls: readonly string[], number: number): string {
  return `${urls[number % urls.length] ?? ''}/v1`
}
