import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { SERVICES } from '@agentfleet/protocol'
import { closest } from '@agentfleet/domain'
import { ConfigError, envNames, loadConfig, type Env } from '@agentfleet/runtime'
import { toolProblems } from './check-tools.ts'
import { OWN_VARIABLES, SET_BY_START, SIMULATED } from './environment.ts'
import { chooseProvider } from './provider-choice.ts'
import type { ScaleBounds } from './scale-bounds.ts'
import { StartFailure } from './start-watch.ts'

/**
 * Checks the variables of all services and the tool folder before anything starts: a mistake is printed once and at
 * once. Each service checks its variables again, and each worker its tools.
 */

type Schema = Parameters<typeof loadConfig>[0]

/** Stands for the values that the start draws or finds later. */
const GIVEN_LATER = {
  CLAIM_KEY: 'given-later-by-the-start',
  DRIVER: 'local',
  ORCHESTRATOR_TOKEN: 'given-later',
  ORCHESTRATOR_URL: 'http://127.0.0.1:1',
} as const

/**
 * Throws a StartFailure that lists every wrong variable of every service, every problem of the tool folder, and these
 * lines: returns a line for each variable that has no effect: its name looks like a misspelt setting, or the start sets it.
 */
export async function checkSettings(
  env: Env,
  root: string,
  bounds: ScaleBounds,
): Promise<readonly string[]> {
  const own: readonly string[] = SET_BY_START
  const inherited = Object.entries(env).filter(([name]) => !own.includes(name))
  const scale = {
    SCALE_MIN: env['SCALE_MIN'] || String(bounds.min),
    SCALE_MAX: env['SCALE_MAX'] || String(bounds.max),
  }
  const given = { ...Object.fromEntries(inherited), ...scale, ...GIVEN_LATER }
  const problems = new Set<string>()
  const names = new Set<string>([...own, ...OWN_VARIABLES])
  const ofTools = toolProblems(env, root)
  for (const service of SERVICES) {
    const module = join(root, 'services', service, 'dist', 'config.js')
    const { schema } = (await import(pathToFileURL(module).href)) as { readonly schema: Schema }
    for (const name of envNames(schema)) names.add(name)
    for (const problem of problemsOf(schema, given)) problems.add(problem)
  }
  for (const problem of await simulatorProblems(env, root)) problems.add(problem)
  for (const problem of await ofTools) problems.add(problem)
  const notices = [...overridden(env), ...misspelt(env, [...names])]
  if (problems.size === 0) return notices
  throw new StartFailure(
    [
      'Nothing was started, because these settings are wrong:',
      ...[...problems].map((problem) => `  ${problem}`),
      'Correct these variables and start again. docs/reference/npm-start.md describes every variable.',
      ...notices,
    ].join('\n'),
  )
}

/** Says which variables the start replaces by its own values. */
function overridden(env: Env): readonly string[] {
  const set = SET_BY_START.filter((name) => env[name]).map(
    (name) => `${name} has no effect, because npm start sets it for the servers that it starts`,
  )
  if (chooseProvider(env).kind !== 'simulated') return set
  const simulated = Object.entries(SIMULATED).filter(
    ([name, value]) => (env[name] || value) !== value,
  )
  return [
    ...set,
    ...simulated.map(
      ([name, value]) =>
        `${name} has no effect, because the simulator answers and npm start sets ${name}=${value}; set OPENAI_API_KEY, OPENAI_BASE_URL or PROVIDERS to use a real provider`,
    ),
  ]
}

function problemsOf(schema: Schema, env: Env): readonly string[] {
  try {
    loadConfig(schema, env)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

async function simulatorProblems(env: Env, root: string): Promise<readonly string[]> {
  const file = join(root, 'libs', 'llm-simulator', 'dist', 'settings', 'environment.js')
  const { readEnvironment } = (await import(pathToFileURL(file).href)) as SimulatorModule
  return readEnvironment({ ...env, SIMULATOR_PORT: '' }).problems ?? []
}

/** What this module uses of the simulator. */
interface SimulatorModule {
  readEnvironment(env: Env): { readonly problems?: readonly string[] }
}

/** Shorter names are too near to each other. */
const NAME_CHARS_MIN = 6

function misspelt(env: Env, names: readonly string[]): readonly string[] {
  const near = names.filter((name) => name.length >= NAME_CHARS_MIN)
  return Object.entries(env).flatMap(([name, value]) => {
    if (!value || name.length < NAME_CHARS_MIN || names.includes(name)) return []
    const meant = closest(name, near)
    if (meant !== undefined) return [`${name} has no effect; did you mean ${meant}?`]
    if (!/^AGENTFLEET_/i.test(name)) return []
    return [`${name} has no effect; docs/reference/npm-start.md lists every variable`]
  })
}
