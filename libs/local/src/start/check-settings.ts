import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { SERVICES } from '@agentfleet/protocol'
import { ConfigError, loadConfig, type Env } from '@agentfleet/runtime'
import { SET_BY_START } from './environment.ts'
import type { ScaleBounds } from './scale-bounds.ts'
import { StartFailure } from './start-watch.ts'

/**
 * Checks the variables of all services before anything starts: a mistake is printed once and at once. Each
 * service checks its variables again; tools in a folder are only checked by the workers, which load them.
 */

type Schema = Parameters<typeof loadConfig>[0]

/** Stands for the values that the start draws or finds later. */
const GIVEN_LATER = {
  CLAIM_KEY: 'given-later',
  DRIVER: 'local',
  ORCHESTRATOR_TOKEN: 'given-later',
  ORCHESTRATOR_URL: 'http://127.0.0.1:1',
} as const

/** Throws a StartFailure that lists every wrong variable of every service. */
export async function checkSettings(env: Env, root: string, bounds: ScaleBounds): Promise<void> {
  const own: readonly string[] = SET_BY_START
  const inherited = Object.entries(env).filter(([name]) => !own.includes(name))
  const scale = {
    SCALE_MIN: env['SCALE_MIN'] || String(bounds.min),
    SCALE_MAX: env['SCALE_MAX'] || String(bounds.max),
  }
  const given = { ...Object.fromEntries(inherited), ...scale, ...GIVEN_LATER }
  const problems = new Set<string>()
  for (const service of SERVICES) {
    const module = join(root, 'services', service, 'dist', 'config.js')
    const { schema } = (await import(pathToFileURL(module).href)) as { readonly schema: Schema }
    for (const problem of problemsOf(schema, given)) problems.add(problem)
  }
  if (problems.size === 0) return
  throw new StartFailure(
    [
      'Nothing was started, because these environment variables are wrong:',
      ...[...problems].map((problem) => `  ${problem}`),
      'Correct them and start again. docs/reference/npm-start.md describes every variable.',
    ].join('\n'),
  )
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
