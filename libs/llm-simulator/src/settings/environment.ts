import {
  DEFAULT_SETTINGS,
  applySettings,
  environmentName,
  SETTING_NAMES,
  type SimulatorSettings,
  type Valid,
} from './settings.ts'

interface ProgramConfig {
  readonly port: number
  readonly host: string
  readonly settings: SimulatorSettings
}

const PREFIX = 'SIMULATOR_'

/** Reads all `SIMULATOR_*` variables; an unknown one is a problem too. */
export function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): Valid<ProgramConfig> {
  const names = new Map(SETTING_NAMES.map((name) => [environmentName(name), name]))
  const problems: string[] = []
  const patch: Record<string, number> = {}
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith(PREFIX) || value === undefined || value === '') continue
    if (variable === 'SIMULATOR_PORT' || variable === 'SIMULATOR_HOST') continue
    const name = names.get(variable)
    if (name === undefined)
      problems.push(
        `${variable}: is not a setting; the settings are ${[...names.keys()].join(', ')}`,
      )
    else patch[name] = Number(value)
  }
  const port = Number(env['SIMULATOR_PORT'] || 0)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    problems.push('SIMULATOR_PORT: must be 0 to 65535')
  }
  const result = applySettings(DEFAULT_SETTINGS, patch)
  if (result.kind === 'invalid') problems.push(...result.problems.map(withVariable))
  if (result.kind === 'invalid' || problems.length > 0) return { kind: 'invalid', problems }
  const host = env['SIMULATOR_HOST'] || '127.0.0.1'
  return { kind: 'ok', value: { port, host, settings: result.value } }
}

/** `ttftMs: must be ...` with the name of its variable in place of the setting's own. */
function withVariable(problem: string): string {
  const name = SETTING_NAMES.find((candidate) => problem.startsWith(`${candidate}: `))
  return name === undefined ? problem : `${environmentName(name)}${problem.slice(name.length)}`
}
