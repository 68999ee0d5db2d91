import { parseArgs } from 'node:util'
import { correctionOf } from '@agentfleet/domain'

/** The options of `npm start`. */

/** The help of `npm start`. */
export const USAGE = `npm start -- [options]
  --once            stop after the tasks; the exit code is 0 only if all tasks completed
  --workers N       start N worker nodes (default 2)
  --port N          use the port N for the API (default: API_PORT, then 8080, or a free port if 8080 is taken)
  --data DIR        keep the state of the fleet in the folder DIR (default .agentfleet/)
  --durability C    process (default), or power: NATS flushes every stored event to the disk
  --tasks N         run N tasks at the start (default 6)
  --json            print one JSON object a line: the fleet, then each task; everything else goes to the standard error

The services read variables of the environment, such as OPENAI_API_KEY, PROVIDERS, API_KEYS, MCP_SERVERS,
TOOLS_DIR, TENANT_BUDGETS and WORKER_SLOTS. docs/reference/npm-start.md lists all of them.`

const OPTIONS = {
  once: { type: 'boolean' },
  workers: { type: 'string' },
  port: { type: 'string' },
  data: { type: 'string' },
  durability: { type: 'string' },
  tasks: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean' },
} as const
const NAMES = Object.keys(OPTIONS).map((name) => `--${name}`)

/** What a user asked of `npm start`. */
export interface StartOptions {
  readonly help: boolean
  readonly once: boolean
  readonly json: boolean
  readonly workers: number
  readonly tasks: number
  /** Undefined leaves the choice to the environment. */
  readonly port: number | undefined
  /** Undefined stands for the folder of the checkout. */
  readonly data: string | undefined
  readonly durability: 'process' | 'power'
}

/** Wrong options: the message has a line for each. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Reads the options; throws a UsageError that names every wrong option. */
export function readOptions(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): StartOptions {
  // npm keeps options that stand before `--` for itself.
  const taken = Object.keys(OPTIONS).find((name) => env[`npm_config_${name}`] !== undefined)
  if (taken !== undefined && env['npm_lifecycle_event'] === 'start') {
    throw new UsageError(
      `npm took --${taken} for itself; put -- before it: npm start -- --${taken}`,
    )
  }
  const { tokens } = parseArgs({
    args: [...args],
    options: OPTIONS,
    // Without its own checks parseArgs leaves all mistakes to be named together.
    strict: false,
    tokens: true,
  })
  const problems: string[] = []
  const given = new Map<string, string | undefined>()
  for (const token of tokens) {
    // Behind a misspelt option it is probably its value.
    if (token.kind === 'positional' && problems.length === 0) {
      problems.push(`"${token.value}" is not an option`)
    }
    if (token.kind !== 'option') continue
    const { name, rawName, value } = token
    const wrong = problemOf(name, rawName, value, given)
    if (wrong !== undefined) problems.push(wrong)
    given.set(name, value)
  }
  const whole = (name: string, value: string, min: number, max: number): number => {
    const number = Number(value)
    if (Number.isInteger(number) && number >= min && number <= max) return number
    if (value) problems.push(`--${name} must be a whole number from ${min} to ${max}, not ${value}`)
    return min
  }
  const durability = given.get('durability')
  const port = given.get('port')
  if (durability && durability !== 'process' && durability !== 'power') {
    problems.push(`--durability is process or power, not ${durability}`)
  }
  const options: StartOptions = {
    help: given.has('help'),
    once: given.has('once'),
    json: given.has('json'),
    workers: whole('workers', given.get('workers') ?? '2', 1, 20),
    tasks: whole('tasks', given.get('tasks') ?? '6', 0, 1_000),
    port: port === undefined ? undefined : whole('port', port, 1, 65_535),
    data: given.get('data'),
    durability: durability === 'power' ? 'power' : 'process',
  }
  if (problems.length > 0) throw new UsageError([...new Set(problems)].join('\n'))
  return options
}

/** The mistake in the form of an option, whatever its value means. */
function problemOf(
  name: string,
  rawName: string,
  value: string | undefined,
  given: ReadonlyMap<string, string | undefined>,
): string | undefined {
  const option = Object.entries(OPTIONS).find(([one]) => one === name)?.[1]
  if (option === undefined) return `${rawName} is not an option; ${correctionOf(rawName, NAMES)}`
  if (option.type === 'boolean') return value === undefined ? undefined : `--${name} takes no value`
  if (!value) return `--${name} needs a value`
  const isTwice = given.has(name) && given.get(name) !== value
  return isTwice ? `--${name} is given twice, with different values; give one of them` : undefined
}
