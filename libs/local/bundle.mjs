/**
 * Bundles each program of a fleet: its modules and the packages that it loads become a few files, because finding and
 * reading a thousand modules was most of the processor time of a start. `npm start`, the tests and the images run
 * these files. Plain JavaScript, because the bootstrap loads it before anything is built.
 *
 * Invariants:
 * - A bundle is made again when a file that it was made of has changed, and only then.
 * - Builds at the same time, and programs that still run an earlier bundle, do not disturb each other: a file is
 *   replaced at once, and the files of earlier bundles stay for a day, because a program may load them late.
 * - In a bundle `import.meta.url` is the address of the compiled module, so that a module finds the same files.
 */
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { hashOf, readOrEmpty } from './stamps.mjs'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
// Scripts find the processes of a service by the path of its main module, services/NAME/dist/main.js, as before.
const OUTPUT = join('dist', 'main.js.bundle')
const STAMP = 'made-of.json'
const PACKAGES = /[\\/]node_modules[\\/]/
// Loading a module of a library only defines its exports; a program does its work in its main.ts.
const LIBRARIES = /[\\/]libs[\\/][^\\/]+[\\/]src[\\/](?!main\.ts$)/
// A module of the workspace: the folder and the name of its package, and its path below `src`.
const OURS = /^(libs|services)\/([^/]+)\/src\/(.+)\.ts$/
const ADDRESS = /new URL\(\s*'([^']+)',\s*import\.meta\.url,?\s*\)|import\.meta\.url/g

// Threads that a program starts at its start.
const THREADS = { 'services/worker': ['heartbeat/heartbeat-thread'] }

// A worker loads these large packages only if it has tools or MCP servers; it finds them, because it depends on them.
const LOADED_LATE = [/^@modelcontextprotocol\/sdk\//, /^@swc\/wasm-typescript$/]

// Reads the sources of the libraries, and leaves out of them what nothing imports.
const OF_SOURCES = {
  platform: 'node',
  resolve: { conditionNames: ['@agentfleet/source', 'node'] },
  tsconfig: false,
  treeshake: { moduleSideEffects: [{ test: LIBRARIES, sideEffects: false }] },
}

const DAY_MS = 24 * 60 * 60_000

/** The folders of the programs whose bundle is missing, or older than a file that it was made of. */
export function staleBundles(root = ROOT) {
  const services = fs.readdirSync(join(root, 'services')).map((name) => `services/${name}`)
  return [...services, 'libs/llm-simulator'].filter(
    (program) => fs.existsSync(join(root, program, 'src/main.ts')) && !isFresh(root, program),
  )
}

/** Makes the bundles of the programs in these folders. */
export async function makeBundles(programs, root = ROOT) {
  if (programs.length === 0) return
  const { rolldown } = await import('rolldown')
  // One after the other, because each uses all cores.
  for (const program of programs) await makeBundle(root, program, rolldown)
}

/**
 * Bundles a module from its present sources and imports the bundle, for tests that compute for a minute: in Vitest's
 * modules, each use of an import calls a function. Stand-ins replace some files; each of them must be imported.
 */
export async function importBundled(module, standIns) {
  const { rolldown } = await import('rolldown')
  const unused = new Set(Object.keys(standIns))
  const load = (id) =>
    unused.delete(id) ? `export * from ${JSON.stringify(standIns[id])}` : undefined
  const plugins = [{ name: 'stand-ins', load }]
  const build = await rolldown({ input: module, ...OF_SOURCES, plugins })
  const dir = fs.mkdtempSync(join(tmpdir(), 'agentfleet-bundle-'))
  try {
    const file = join(dir, `${basename(module, '.ts')}.mjs`)
    await build.write({ format: 'es', file, codeSplitting: false })
    if (unused.size > 0) throw new Error(`${module} imports none of: ${[...unused].join(', ')}`)
    return await import(pathToFileURL(file).href)
  } finally {
    await build.close()
    fs.rmSync(dir, { recursive: true })
  }
}

function isFresh(root, program) {
  const stamp = readOrEmpty(join(root, program, OUTPUT, STAMP))
  if (stamp === '') return false
  const { files, looks, hash } = JSON.parse(stamp)
  const present = looksOf(root, files)
  if (present === looks) return true
  if (hashOf(root, absolute(root, files)) !== hash) return false
  // Only the times have changed: the next check need not read the files.
  writeStamp(root, program, { files, looks: present, hash })
  return true
}

async function makeBundle(root, program, rolldown) {
  const beganAtMs = Date.now()
  const sources = ['main', ...(THREADS[program] ?? [])].map((entry) =>
    join(root, program, 'src', `${entry}.ts`),
  )
  const warnings = []
  const build = await rolldown({
    cwd: root,
    input: Object.fromEntries(sources.map((source) => [basename(source, '.ts'), source])),
    external: LOADED_LATE,
    ...OF_SOURCES,
    plugins: [addressesOf(root, program, sources)],
    // The plugin changes nothing but the rest of a line.
    checks: { sourcemapBroken: false },
    onLog: (level, { message }) => {
      if (level === 'warn') warnings.push(message)
    },
  })
  try {
    const { output } = await build.generate({
      format: 'es',
      // The source map has paths from here to the sources.
      dir: join(root, program, OUTPUT),
      sourcemap: 'hidden',
      sourcemapExcludeSources: true,
      chunkFileNames: '[name]-[hash].js',
      // CommonJS modules of packages may use it.
      intro: 'const __dirname = import.meta.dirname;',
      keepNames: true,
      comments: false,
      codeSplitting: { groups: [{ name: 'packages', test: PACKAGES, entriesAware: true }] },
    })
    // A warning is about an import that leads to nothing, or about code that would run differently.
    if (warnings.length > 0) throw new Error(`${program} cannot be bundled: ${warnings.join('\n')}`)
    write(root, program, output, { files: filesOf(root, await build.watchFiles), beganAtMs })
  } finally {
    await build.close()
  }
}

/** Writes the files of a bundle: first those that others import, then the entries, then the stamp. */
function write(root, program, output, { files, beganAtMs }) {
  const folder = join(root, program, OUTPUT)
  fs.mkdirSync(folder, { recursive: true })
  const chunks = output
    .filter(({ type }) => type === 'chunk')
    .sort((a, b) => Number(a.isEntry) - Number(b.isEntry))
  const written = new Set([STAMP])
  for (const { fileName, code, map, moduleIds } of chunks) {
    written.add(fileName)
    // Node parses a whole source map at the start; the large one of the packages would explain nothing.
    if (!map || moduleIds.every((id) => PACKAGES.test(id))) {
      replaceFile(join(folder, fileName), code)
      continue
    }
    written.add(`${fileName}.map`)
    replaceFile(join(folder, `${fileName}.map`), map.toString())
    replaceFile(join(folder, fileName), `${code}\n//# sourceMappingURL=${fileName}.map\n`)
  }
  for (const name of fs.readdirSync(folder)) {
    const file = join(folder, name)
    if (!written.has(name) && Date.now() - fs.statSync(file).mtimeMs > DAY_MS)
      fs.rmSync(file, { force: true })
  }
  // A bundle may hold a file that changed meanwhile as it was before or after: the next check makes it again.
  const changed = absolute(root, files).some((file) => statsOf(file)?.mtimeMs >= beganAtMs)
  const hash = changed ? '' : hashOf(root, absolute(root, files))
  writeStamp(root, program, { files, looks: changed ? '' : looksOf(root, files), hash })
}

/** The files of the workspace that a bundle was made of; the lock file stands for the packages. */
function filesOf(root, read) {
  const modules = read
    .map((file) => slashed(relative(root, file)))
    .filter((path) => OURS.test(path))
    .sort((a, b) => (a < b ? -1 : 1))
  const manifests = new Set(modules.map((path) => path.replace(/\/src\/.*/, '/package.json')))
  return [...modules, ...manifests, 'libs/local/bundle.mjs', 'pnpm-lock.yaml']
}

/** Replaces `import.meta.url` by the address of the compiled module; the threads of the bundle are next to it. */
function addressesOf(root, program, sources) {
  return {
    name: 'addresses',
    transform: {
      filter: { id: /[\\/]src[\\/].+\.ts$/, code: 'import.meta.url' },
      handler(code, id) {
        const [, folder, name, path] = OURS.exec(slashed(relative(root, id))) ?? []
        if (path === undefined) return undefined
        const address =
          `${folder}/${name}` === program
            ? `new URL('../${path}.js', import.meta.url).href`
            : `new URL('./${path}.js', import.meta.resolve('@agentfleet/${name}')).href`
        return code.replaceAll(ADDRESS, (_, target) => {
          if (target === undefined) return address
          const source = resolve(dirname(id), target.replace(/\.js$/, '.ts'))
          if (!sources.includes(source)) return `new URL('${target}', ${address})`
          return `new URL('./${basename(target)}', import.meta.url)`
        })
      },
    },
  }
}

function writeStamp(root, program, stamp) {
  replaceFile(join(root, program, OUTPUT, STAMP), JSON.stringify(stamp))
}

function replaceFile(file, text) {
  const next = `${file}.${process.pid}`
  fs.writeFileSync(next, text)
  fs.renameSync(next, file)
}

/** Sizes and times of files: comparing them costs less than reading the files. */
function looksOf(root, files) {
  return absolute(root, files)
    .map(statsOf)
    .map((stats) => `${stats?.size}:${stats?.mtimeMs}`)
    .join(' ')
}

const statsOf = (file) => fs.statSync(file, { throwIfNoEntry: false })
const absolute = (root, files) => files.map((file) => join(root, file))
const slashed = (path) => path.split(sep).join('/')

// As a program: makes the bundles of the programs in the named folders.
if (process.argv[1] === fileURLToPath(import.meta.url)) await makeBundles(process.argv.slice(2))
