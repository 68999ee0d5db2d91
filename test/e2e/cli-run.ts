import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EXIT, runCli } from '@agentfleet/cli'
import { afterAll, beforeAll, expect } from 'vitest'
import { joinSharedFleet, SOON_MS, type Tenant } from './tenant.ts'

/** One call of the command line with its outputs. */
interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
  /** The JSON objects of the output. */
  readonly objects: readonly Readonly<Record<string, unknown>>[]
}

/** The command line in this process, as one user of the fleet. */
interface Cli {
  run(...argv: readonly string[]): Promise<Ran>
  /** A command that must succeed. */
  succeed(...argv: readonly string[]): Promise<Ran>
}

/** Opens the command line of a user with this key; `stateDir` holds no local fleet. */
export function openCli(url: string, key: string | undefined, stateDir: string): Cli {
  const run = async (...argv: readonly string[]): Promise<Ran> => {
    let out = ''
    let err = ''
    const code = await runCli(argv, {
      env: { AGENTFLEET_URL: url, AGENTFLEET_KEY: key },
      version: '0.1.0',
      stateDir,
      terminal: {
        out: (text) => (out += text),
        err: (text) => (err += text),
        columns: undefined,
        noteColumns: undefined,
        signal: AbortSignal.timeout(SOON_MS),
      },
    })
    const lines = argv.includes('--json') ? out.split('\n').filter(Boolean) : []
    return { code, out, err, objects: lines.map((line) => JSON.parse(line)) }
  }
  return {
    run,
    async succeed(...argv) {
      const ran = await run(...argv)
      expect({ argv, code: ran.code, err: ran.err }).toMatchObject({ code: EXIT.done })
      return ran
    },
  }
}

/** The command line of the tests of one file. */
interface CliUser extends Cli {
  /** The user's tenant, once the first test runs. */
  readonly tenant: Tenant
  /** A folder for the user's files. */
  readonly folder: string
}

/** Makes this tenant of the shared fleet the user of the command line in all tests of the calling file. */
export function useCli(name: string): CliUser {
  let tenant: Tenant
  let folder: string
  let cli: Cli
  beforeAll(async () => {
    tenant = await joinSharedFleet(name)
    folder = await mkdtemp(join(tmpdir(), 'agentfleet-cli-'))
    cli = openCli(tenant.fleet.url, tenant.fleet.keys[name], folder)
  })
  afterAll(async () => {
    await tenant[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })
  return {
    run: (...argv) => cli.run(...argv),
    succeed: (...argv) => cli.succeed(...argv),
    get tenant() {
      return tenant
    },
    get folder() {
      return folder
    },
  }
}

/** The text without the parts that differ from run to run. */
export function golden(text: string): string {
  return (
    text
      .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'ID')
      .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/g, 'TIME')
      .replaceAll(/\d+ ms|\d+\.\d s|\d+ m \d\d s|\b\d+ [smhd]\b/g, 'AGE')
      .replaceAll(/worker-\d+/g, 'NODE')
      .replaceAll(/127\.0\.0\.1:\d+/g, 'HOST')
      .replaceAll(/\d[\d.,]*(?= accepted tasks a second)/g, 'RATE')
      // A task whose pointer arrived out of order starts fenced, and so does not count.
      .replaceAll(/\d+(?= tasks took this time)/g, 'COUNT')
      .replaceAll(/ {2,}/g, '  ')
  )
}
