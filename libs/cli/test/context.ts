import { createClient } from '@agentfleet/client'
import type { Context } from '../src/command.ts'
import { COMMANDS } from '../src/commands/index.ts'
import { uncoloured } from '../src/render/paint.ts'

/** An address at which nothing answers. */
const NOWHERE = 'http://127.0.0.1:9'
/** Longer than any test of a command takes, milliseconds. */
const TEST_MS = 30_000

/** The context of a command without a fleet and a terminal; `parts` replace its parts. */
export function contextWith(parts: Partial<Context>): Context {
  const ignore = (): void => undefined
  return {
    client: createClient({ baseUrl: NOWHERE }),
    url: NOWHERE,
    apiKey: undefined,
    version: '0.1.0',
    stateDir: '',
    json: false,
    watch: false,
    paint: uncoloured,
    columns: undefined,
    rows: undefined,
    onResize: () => ignore,
    commands: COMMANDS,
    asCalled: (text) => text,
    signal: AbortSignal.timeout(TEST_MS),
    localFleet: async () => undefined,
    nowMs: () => Date.now(),
    print: ignore,
    note: ignore,
    write: ignore,
    progress: ignore,
    read: async () => '',
    ...parts,
  }
}
