/**
 * Compares docs/reference/environment.md with the variables that the services read, and makes
 * docs/reference/npm-start.md from both. With `-u` it writes that page again.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SERVICES, type ServiceName } from '@agentfleet/protocol'
import { expect, test } from 'vitest'
import { drawCredentials } from '../../libs/local/src/start/credentials.ts'
import { SET_BY_START, SIMULATED } from '../../libs/local/src/start/environment.ts'
import { ROOT, schemaOf } from './manifests.ts'
import { formatted, tableOf } from './markdown.ts'

const page = readFileSync(join(ROOT, 'docs/reference/environment.md'), 'utf8')
/** After this the page describes programs that are not services. */
const SERVICE_PART = page.slice(0, page.indexOf('## Simulator, tests and caches'))

/** One variable as environment.md describes it. */
interface Variable {
  readonly name: string
  readonly meaning: string
  readonly byDefault: string
}

const described = variablesIn(SERVICE_PART)
const schemas = await Promise.all(
  SERVICES.map(async (service) => [service, Object.keys((await schemaOf(service)).shape)] as const),
)
const read = new Set(schemas.flatMap(([, names]) => names))

/** Defaults that `npm start` changes, or that depend on it. */
const DEFAULTS: Readonly<Record<string, string>> = {
  OPENAI_API_KEY: 'none: the simulator answers',
  OPENAI_BASE_URL: 'the address of OpenAI, if there is a key; otherwise that of the simulator',
  PROVIDERS: 'none',
  DEFAULT_MODEL:
    'with the simulator always `sim`; with `PROVIDERS` its first model name without `*`; otherwise `gpt-4o-mini`',
  ADVISER_MODEL: '`gpt-4o-mini`; with the simulator always `sim`',
  ADVISER_PRICES: '`gpt-4o-mini=0.15/0.6,*=30/180`; with the simulator always `sim=0/0`',
  API_PORT: '8080, or a free port if 8080 is taken; `--port` comes first',
  SCALE_MIN: '2, or `--workers` if that is less',
  SCALE_MAX: 'the number of cores, at least `SCALE_MIN` and `--workers`',
}
/** Variables that a fleet on one machine does not need. */
const FOR_PRODUCTION =
  /_(?:CA|CERT)_FILE$|^(?:NATS|REDIS|CONSUL)_KEY_FILE$|^K8S_|^(?:CONSUL_TOKEN|HTTP_HOST|ADVERTISE_HOST|STREAM_REPLICAS)$/
/** The order of the sections: variables that a first fleet needs come first. */
const FIRST: readonly ServiceName[] = ['worker', 'gateway', 'load-balancer', 'autoscaler']

test('the reference of the environment lists exactly the variables of the services', () => {
  const named = new Set(described.map(({ name }) => name))
  expect([...read].filter((name) => !named.has(name))).toEqual([])
  expect([...named].filter((name) => !read.has(name))).toEqual([])
})

test('the list of variables that `npm start` sets contains every variable with credentials that it creates', () => {
  const drawn = SERVICES.flatMap((service) =>
    Object.keys(drawCredentials('secret').envOf(service, `${service}-1`, 'redis://127.0.0.1:1')),
  )
  expect([...new Set(drawn)].filter((name) => !isSetByStart(name))).toEqual([])
  expect(SET_BY_START.filter((name) => !read.has(name))).toEqual([])
})

test('the documented table of variables that `npm start` reads agrees with the schemas of the services and the reference', async () => {
  const passed = [...new Set([...FIRST.flatMap(namesOf), ...read])].filter(
    (name) => !isSetByStart(name),
  )
  const names = passed.filter((name) => !FOR_PRODUCTION.test(name))
  const shared = names.filter((name) => readersOf(name) === 'every service')
  const own = names.filter((name) => !shared.includes(name))
  const rows = [...own, ...shared].map((name) => {
    const { meaning = '', byDefault = '' } = described.find((one) => one.name === name) ?? {}
    return [`\`${name}\``, meaning, DEFAULTS[name] ?? byDefault, readersOf(name)]
  })
  const text = `<!-- Generated from the schemas, environment.md and libs/local/src/start/environment.ts by \`npm test -- test/contract/environment.test.ts -u\`; change those files instead. -->

# What \`npm start\` reads

Set a variable in front of the command: \`WORKER_SLOTS=64 npm start\`. Every process of the local fleet inherits the environment of
\`npm start\`; the last column of a table names the services that read the variable. \`npm start\` checks all values and the tools in
\`TOOLS_DIR\` before it starts anything; if something is wrong, it prints every problem and ends. \`npm start\` mentions variables whose names look
like misspelt settings. The value of a variable marked _secret_ can also come from a file: set
\`NAME_FILE\` (such as \`PROVIDERS_FILE\`) to its path and leave \`NAME\` out.

If none of \`OPENAI_API_KEY\`, \`OPENAI_BASE_URL\` and \`PROVIDERS\` is set, the simulator answers in place of an LLM. If you set \`PROVIDERS\`, you
do not need \`OPENAI_API_KEY\` and \`OPENAI_BASE_URL\`.

${tableOf(['Name', 'Meaning', 'Default', 'Read by'], rows)}

\`npm start\` itself reads \`API_KEYS\` (it checks the fleet with the first key), the variables of the provider, \`SCALE_MIN\`, \`SCALE_MAX\` and
\`AGENTFLEET_CACHE\`, the folder of fetched server programs. The simulator reads the variables whose names begin with \`SIMULATOR_\`
([environment](environment.md#simulator-tests-and-caches)).

## What \`npm start\` sets itself

If you set one of these variables in your shell, it has no effect, and \`npm start\` says so: ${listed(SET_BY_START)}.

\`npm start -- --port 9000\` or \`API_PORT=9000 npm start\` set the port of the API. \`npm start\` chooses free ports for all other servers and services, prints them, and writes them to
\`fleet.json\` in the state folder. While the simulator answers, \`npm start\` also sets ${listed(Object.keys(SIMULATED))}.

## What one machine does not need

The services of \`npm start\` read these variables too, but they are for production ([environment](environment.md)):
${listed(passed.filter((name) => FOR_PRODUCTION.test(name)))}.
`
  await expect(await formatted(text)).toMatchFileSnapshot('../../docs/reference/npm-start.md')
})

function listed(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ')
}

function isSetByStart(name: string): boolean {
  return SET_BY_START.some((one) => one === name)
}

function namesOf(service: ServiceName): readonly string[] {
  return schemas.find(([one]) => one === service)?.[1] ?? []
}

function readersOf(name: string): string {
  const readers = schemas.filter(([, names]) => names.includes(name)).map(([service]) => service)
  return readers.length === SERVICES.length ? 'every service' : readers.join(', ')
}

/** The variables in the tables of a page: a row may describe several with one meaning. */
function variablesIn(text: string): readonly Variable[] {
  const rows = text.split('\n').flatMap((line) => {
    const [, names = '', meaning = '', byDefault = ''] =
      /^\|([^|]*)\|([^|]*)\|([^|]*)\|$/.exec(line) ?? []
    return [...names.matchAll(/`([A-Z0-9_]+)`/g)].map(([, name = '']) => ({
      name,
      meaning: meaning.trim(),
      byDefault: byDefault.trim(),
    }))
  })
  return rows
}
