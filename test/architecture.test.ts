/**
 * The rules of the code that a compiler does not enforce: which package may use which, and how large things
 * get.
 */
import { SERVICES } from '@agentfleet/protocol'
import { expect, test } from 'vitest'
import {
  circles,
  entryOf,
  isFile,
  loadedBy,
  matching,
  packageOf,
  readManifest,
  readModules,
  readPackages,
  readText,
  targetOf,
  unreached,
  type Module,
  type Package,
} from './architecture.ts'

const LINES_MAX = 400
/** More lines are wiring that belongs into build.ts or service.ts. */
const MAIN_LINES = 20
/** A folder that grows beyond this holds more than one concept. */
const FOLDER_FILES = 15
/** Words that name a drawer, not a thing. */
const DRAWERS = /\/(utils?|helpers?|common|misc|types|interfaces|[a-z-]*manager)(\.ts|\/)/

const packages = readPackages()
const services = packages.filter(({ folder }) => folder.startsWith('services/'))
const rootTests = readModules('test').filter(({ path }) => !path.startsWith('test/tools/'))
const sources = packages.flatMap((pack) => pack.sources)
/** Modules that run in the browser. */
const page = packages.flatMap((pack) => pack.page)
/** Plain JavaScript that runs before anything is built. */
const scripts = packages.flatMap((pack) => pack.scripts)
const tests = [...packages.flatMap((pack) => pack.tests), ...rootTests]

/** The packages of the workspace that each package may depend on. */
const MAY_USE: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  protocol: ['domain'],
  'answer-schema': ['domain', 'protocol', 'runtime'],
  adapters: ['domain', 'protocol', 'runtime'],
  runtime: ['domain', 'protocol'],
  adviser: ['domain', 'protocol', 'runtime'],
  // Shared by the four operations services: records of decisions, the fleet view.
  'control-plane': ['adapters', 'domain', 'protocol', 'runtime'],
  // One driver for both services that act on processes; the bus reaches it as a function.
  orchestrator: ['domain', 'protocol', 'runtime'],
  toolkit: [],
  client: ['protocol'],
  // The demo reads the log of a local fleet: its figures must not depend on what the API answers.
  cli: ['adapters', 'client', 'domain', 'local', 'protocol'],
  'llm-simulator': [],
  console: ['domain', 'protocol'],
  local: ['client', 'domain', 'llm-simulator', 'protocol', 'runtime'],
  testkit: ['adapters', 'client', 'domain', 'llm-simulator', 'local', 'protocol', 'runtime'],
  tools: ['adapters', 'client', 'domain', 'llm-simulator', 'local', 'protocol'],
}
const SERVICE_MAY_USE = [
  'adapters',
  'adviser',
  'answer-schema',
  // The files of the page, which the gateway serves.
  'console',
  'control-plane',
  'domain',
  'orchestrator',
  'protocol',
  'runtime',
  'toolkit',
]

/** Packages from outside that only some may import. */
const ONLY_IN: Readonly<Record<string, readonly string[]>> = {
  nats: ['libs/adapters/'],
  // Tests wipe and inspect Redis as an operator does.
  ioredis: ['libs/adapters/', 'libs/testkit/src/redis.ts'],
  consul: ['libs/adapters/'],
  '@kubernetes/client-node': ['libs/orchestrator/'],
  openai: ['services/worker/', 'libs/adviser/'],
  re2js: ['libs/answer-schema/'],
}

/**
 * Entries of packages in addition to their `index.ts`. The heartbeat thread of a worker loads them, because the whole
 * packages would load servers, metrics and the clients of Redis and Consul a second time in each worker.
 */
const ENTRIES: Readonly<Record<string, readonly string[]>> = {
  'libs/adapters': ['./bus'],
  'libs/runtime': ['./config-error', './logger'],
}

test('packages depend on each other only in one direction, without cycles', () => {
  const wrong = packages.flatMap((pack) => {
    const allowed = pack.folder.startsWith('services/')
      ? SERVICE_MAY_USE
      : (MAY_USE[shortName(pack.name)] ?? [])
    const used = [...pack.dependencies, ...pack.sources.flatMap(packagesOf)]
    return [...new Set(used)]
      .filter((name) => name.startsWith('@agentfleet/') && !allowed.includes(shortName(name)))
      .map((name) => `${pack.folder} uses ${name}`)
  })
  expect(wrong).toEqual([])
})

test('libs/domain imports no package, and libs/protocol imports only libs/domain, zod and node:crypto', () => {
  const outside = (folder: string, allowed: readonly string[]) =>
    named(folder)
      .sources.flatMap((module) => packagesOf(module).map((name) => `${module.path}: ${name}`))
      .filter((line) => !allowed.some((name) => line.endsWith(`: ${name}`)))
  expect(outside('libs/domain', [])).toEqual([])
  expect(outside('libs/protocol', ['@agentfleet/domain', 'zod', 'node:crypto'])).toEqual([])
})

test('libs/domain uses no clock, no randomness and no process', () => {
  const impure =
    /(?<![.\w])(Date|process|performance|crypto)\.\w|\bnew Date\b|\bset(Timeout|Interval)\(|\bMath\.random\b/
  expect(matching(named('libs/domain').sources, impure)).toEqual([])
})

test('the client libraries of NATS, Redis, Consul, Kubernetes and OpenAI are each used in only one folder', () => {
  const wrong = sources.flatMap(({ path, imports }) =>
    imports
      .map((specifier) => packageOf(specifier) ?? '')
      .filter((name) => Object.hasOwn(ONLY_IN, name))
      // Tools read the fleet's stored data directly.
      .filter((name) => !path.startsWith('test/tools/') || name === 'openai')
      .filter((name) => !ONLY_IN[name]?.some((folder) => path.startsWith(folder)))
      .map((name) => `${path}: ${name}`),
  )
  expect(wrong).toEqual([])
})

test('services use declared channels only, and only the adapters read messages', () => {
  const services = packages.filter(({ folder }) => folder.startsWith('services/'))
  const past =
    /\bbus\.(publish|subscribe|request|collect|post|nats)\b|\bmessage\.(text\(\)|respond)/
  // Only the outline of a live event is read before it is parsed: most events have no subscriber here.
  const modules = services
    .flatMap(({ sources: all }) => all)
    .filter(({ path }) => path !== 'services/gateway/src/stream/live.ts')
  expect(matching(modules, past)).toEqual([])
})

test('the page imports from other packages only the types of the API and pure functions of libs/domain', () => {
  const loaded = page.flatMap(({ path, loads }) =>
    packagesNamed(loads)
      .filter((name) => !['preact', '@preact/signals', '@agentfleet/domain'].includes(name))
      .map((name) => `${path}: ${name}`),
  )
  expect(loaded).toEqual([])
})

test('only tests import testkit', () => {
  const wrong = sources.filter((module) => packagesOf(module).includes('@agentfleet/testkit'))
  expect(wrong.map(({ path }) => path)).toEqual([])
})

test('tests run every library from its TypeScript sources, not from its built files', () => {
  const libraries = packages.filter(
    ({ folder, exported }) => folder.startsWith('libs/') && exported.length > 0,
  )
  const fromDist = libraries.filter(({ folder }) => {
    const entry = readManifest(folder).exports?.['.']
    return (entry as Readonly<Record<string, unknown>>)['@agentfleet/source'] !== './src/index.ts'
  })
  // Their package.json needs the condition `@agentfleet/source` in `exports`, as the others have it.
  expect(fromDist.map(({ name }) => name)).toEqual([])
})

test('the heartbeat thread of a worker loads only what it sends heartbeats with', () => {
  const loaded = loadedBy(packages, 'services/worker/src/heartbeat/heartbeat-thread.ts')
  expect(loaded).toEqual(['nats', 'pino', 'zod'])
})

test('relative imports stay in their package, and other packages are imported only by their entries', () => {
  const wrong = packages.flatMap(({ folder, sources, page, tests }) =>
    [...sources, ...page, ...tests].flatMap((module) =>
      module.imports
        .filter((specifier) =>
          specifier.startsWith('.')
            ? !targetOf(module, specifier).startsWith(`${folder}/`)
            : specifier.startsWith('@agentfleet/') && entryOf(packages, specifier) === undefined,
        )
        .map((specifier) => `${module.path}: ${specifier}`),
    ),
  )
  expect(wrong).toEqual([])
  const others = packages.flatMap(({ folder, exported }) =>
    exported.filter((path) => path !== '.' && !ENTRIES[folder]?.includes(path)),
  )
  expect(others).toEqual([])
})

test('every import is declared, and every declared dependency is imported', () => {
  const root = Object.keys(readManifest('.').devDependencies ?? {})
  const problems = packages.flatMap(({ folder, dependencies, devDependencies, ...modules }) => {
    const imported = new Set(modules.sources.flatMap(packagesOf).filter(isInstalled))
    const loaded = new Set(modules.sources.flatMap(({ loads }) => packagesNamed(loads)))
    const tested = new Set(modules.tests.flatMap(packagesOf).filter(isInstalled))
    const forTests = [...dependencies, ...devDependencies, ...root]
    return [
      ...[...imported].filter((name) => {
        // An import of types alone is not needed where the package runs.
        const direct = loaded.has(name) ? dependencies : [...dependencies, ...devDependencies]
        return !isDeclared(name, direct, devDependencies)
      }),
      ...[...tested].filter((name) => !isDeclared(name, forTests, forTests)),
      ...dependencies.filter((name) => !imported.has(name)).map((name) => `${name}, unused`),
    ].map((name) => `${folder}: ${name}`)
  })
  expect(problems).toEqual([])
  const missing = rootTests
    .filter(({ path }) => !path.startsWith('test/bench/'))
    .flatMap((module) => packagesOf(module).map((name) => ({ module, name })))
    .filter(({ name }) => isInstalled(name) && !isDeclared(name, root, root))
  expect(missing.map(({ module, name }) => `${module.path}: ${name}`)).toEqual([])
})

test('every module of a package is reached from one of its entries', () => {
  const entries = packages.flatMap(({ folder }) => [
    `${folder}/src/main.ts`,
    `${folder}/src/index.ts`,
  ])
  // Programs that npm scripts start by their path.
  const started = [
    ...readText('libs/local/bootstrap.mjs').matchAll(/'([\w/-]+)\/dist\/(.+)\.js'/g),
  ].map(([, folder, name]) => `${folder}/src/${name}.ts`)
  // Programs that `npm run prove` starts by their name.
  const [, names = ''] = /PROOFS = \[(.*?)\]/s.exec(readText('libs/local/bootstrap.mjs')) ?? []
  const proofs = [...names.matchAll(/'(.+?)'/g)].map(([, name]) => `test/tools/src/${name}.ts`)
  // Programs that operators run in the image of a service.
  const operated = [
    ...readText('.env.example').matchAll(/SERVICE=([\w-]+)[^]*?node dist\/(.+)\.js/g),
  ].map(([, service, name]) => `services/${service}/src/${name}.ts`)
  // The program that `npm start` runs to check the tools of a folder.
  const [, checks = ''] =
    /'services', 'worker', 'dist', '(.+?)\.js'/.exec(
      readText('libs/local/src/start/check-tools.ts'),
    ) ?? []
  const checked = `services/worker/src/${checks.replaceAll("', '", '/')}.ts`
  expect(unreached(sources, [...entries, ...started, ...proofs, ...operated, checked])).toEqual([])
})

test('the README of the tests gives a reason for each file that only test:full runs', () => {
  const full = tests.map(({ path }) => path).filter((path) => path.endsWith('.full.test.ts'))
  const rows = readText('test/README.md').matchAll(/^\| `(\S+\.full\.test\.ts)`/gm)
  const listed = [...rows].map(([, file]) => file)
  expect(listed.sort()).toEqual(full.sort())
})

test('a service has a main.ts, a config.ts, a service.ts, a metrics.ts and a README', () => {
  const files = ['src/main.ts', 'src/config.ts', 'src/service.ts', 'src/metrics.ts', 'README.md']
  const missing = services.flatMap(({ folder }) =>
    files.map((file) => `${folder}/${file}`).filter((path) => !isFile(path)),
  )
  expect(missing).toEqual([])
  expect(services.map(({ folder }) => folder.replace('services/', '')).sort()).toEqual(
    [...SERVICES].sort(),
  )
})

test('the README of a library or service names every folder of its modules, and ARCHITECTURE those of each service', () => {
  const map = readText('ARCHITECTURE.md').split('\n')
  const products = packages.filter(({ folder }) => /^(libs|services)\//.test(folder))
  const unnamed = products.flatMap(({ folder, sources: modules }) => {
    const row = map.find((line) => line.includes(`](${folder})`))
    const texts = [
      readText(`${folder}/README.md`),
      ...(folder.startsWith('services/') ? [row] : []),
    ]
    const folders = modules.flatMap(({ path }) => /\/src\/([^/]+)\//.exec(path)?.[1] ?? [])
    return [...new Set(folders)]
      .filter((name) => texts.some((text) => !text?.includes(`\`${name}`)))
      .map((name) => `${folder}/src/${name}`)
  })
  expect(unnamed).toEqual([])
})

/** These modules have the same meaning in every package, so that a code map need not explain them. */
const EXPLAINED = new Set(['index.ts', 'main.ts', 'config.ts', 'metrics.ts'])

test('the README of a library or service names every module at the top of its src, and only modules that exist', () => {
  const products = packages.filter(({ folder }) => /^(libs|services)\//.test(folder))
  const wrong = products.flatMap(({ folder, sources: modules, page: views }) => {
    const text = readText(`${folder}/README.md`)
    const top = modules.flatMap(({ path }) => /\/src\/([^/]+\.tsx?)$/.exec(path)?.[1] ?? [])
    const unnamed = top.filter((name) => !EXPLAINED.has(name) && !text.includes(`\`${name}`))
    const named = [...text.matchAll(/^\| \[?`([\w-]+\.tsx?)`/gm)].map(([, name = '']) => name)
    const paths = [...modules, ...views].map(({ path }) => path)
    const absent = named.filter((name) => !paths.some((path) => path.endsWith(`/src/${name}`)))
    return [...unnamed, ...absent].map((name) => `${folder}: ${name}`)
  })
  expect(wrong).toEqual([])
})

test(`a main.ts of a service has fewer than ${MAIN_LINES} lines and does nothing but run the service`, () => {
  const mains = services.flatMap(({ sources: modules }) =>
    modules.filter(({ path }) => path.endsWith('/src/main.ts')),
  )
  const long = mains.filter(({ text }) => linesOf(text) >= MAIN_LINES)
  expect(long.map(({ path }) => path)).toEqual([])
  const other = mains.filter(
    ({ code }) => !/^runService\(\{\n {2}name: '[\w-]+',\n {2}schema,\n/m.test(code),
  )
  expect(other.map(({ path }) => path)).toEqual([])
})

test('modules do not import each other in a circle, not even for types alone', () => {
  expect(packages.flatMap((pack) => circles(pack.sources))).toEqual([])
  expect(circles(page)).toEqual([])
})

test(`a folder of src holds at most ${FOLDER_FILES} modules`, () => {
  const counts = new Map<string, number>()
  for (const { path } of [...sources, ...page]) {
    const folder = path.slice(0, path.lastIndexOf('/'))
    counts.set(folder, (counts.get(folder) ?? 0) + 1)
  }
  expect([...counts].filter(([, count]) => count > FOLDER_FILES)).toEqual([])
})

test('only a main.ts and the start-up libraries read environment variables', () => {
  const edge = /\/main\.ts$|^libs\/(runtime|local|testkit)\/|^test\//
  const inner = sources.filter(({ path }) => !edge.test(path))
  expect(matching(inner, /\bprocess\.env\b/)).toEqual([])
})

test(`modules have at most ${LINES_MAX} lines`, () => {
  const long = [...sources, ...page, ...scripts, ...tests]
    .map(({ path, text }) => ({ path, lines: linesOf(text) }))
    .filter(({ lines }) => lines > LINES_MAX)
  expect(long).toEqual([])
})

test('no value is cast to any, and no file has a name such as utils or helpers', () => {
  const any = /\bas any\b|[:<]\s*any\b(?!\s*\w)|@ts-(ignore|nocheck)/
  expect(
    matching([...sources, ...page, ...tests.filter(({ path }) => path !== SELF)], any),
  ).toEqual([])
  const paths = [...sources, ...page].map(({ path }) => path)
  expect(paths.filter((path) => DRAWERS.test(path))).toEqual([])
})

test('every exported symbol has a comment, except the type of a schema', () => {
  const exported = /^export (?:async )?(?:function\*?|const|let|class|interface|type) (\w+)/
  const bare = [...sources, ...page].flatMap(({ path, text }) => {
    const lines = text.split('\n')
    return lines.flatMap((line, at) => {
      const name = exported.exec(line)?.[1]
      if (name === undefined || lines[at - 1]?.endsWith('*/')) return []
      return /^export type \w+ = z\.(?:infer|input|output)</.test(line) ? [] : [`${path}: ${name}`]
    })
  })
  expect(bare).toEqual([])
})

/** This file holds the patterns that it looks for. */
const SELF = 'test/architecture.test.ts'

function linesOf(text: string): number {
  return text.split('\n').length - 1
}

function named(folder: string): Package {
  const found = packages.find((pack) => pack.folder === folder)
  if (found === undefined) throw new Error(`there is no ${folder}`)
  return found
}

function shortName(name: string): string {
  return name.replace('@agentfleet/', '')
}

/** The packages that a module imports, each once. */
function packagesOf({ imports }: Module): readonly string[] {
  return packagesNamed(imports)
}

function packagesNamed(specifiers: readonly string[]): readonly string[] {
  return [...new Set(specifiers.flatMap((specifier) => packageOf(specifier) ?? []))]
}

function isInstalled(name: string): boolean {
  return !name.startsWith('node:')
}

/** Whether it is a dependency, or only its types are needed. */
function isDeclared(name: string, direct: readonly string[], types: readonly string[]): boolean {
  return direct.includes(name) || types.includes(`@types/${name}`)
}
