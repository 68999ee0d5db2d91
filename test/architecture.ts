import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../', import.meta.url))

/** One package of the workspace with its sources. */
export interface Package {
  /** Folder below the checkout, such as `libs/domain`. */
  readonly folder: string
  readonly name: string
  readonly dependencies: readonly string[]
  readonly devDependencies: readonly string[]
  readonly exported: readonly string[]
  /** Modules of `src`. */
  readonly sources: readonly Module[]
  /** Modules of `page`, which run in the browser. */
  readonly page: readonly Module[]
  /** Scripts in the folder of the package itself. */
  readonly scripts: readonly Module[]
  /** Modules of `test`. */
  readonly tests: readonly Module[]
}

/** One file of code and what it imports. */
export interface Module {
  /** Path below the checkout. */
  readonly path: string
  readonly text: string
  /** The text without comments. */
  readonly code: string
  readonly imports: readonly string[]
  /** Those of them that remain at run time. */
  readonly loads: readonly string[]
}

interface Manifest {
  readonly name: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly exports?: Readonly<Record<string, unknown>>
}

/** Every package of the workspace. */
export function readPackages(): readonly Package[] {
  const folders = ['libs', 'services'].flatMap((parent) =>
    readdirSync(join(ROOT, parent)).map((name) => `${parent}/${name}`),
  )
  return [...folders, 'test/tools'].map((folder) => {
    const manifest = readManifest(folder)
    return {
      folder,
      name: manifest.name,
      dependencies: Object.keys(manifest.dependencies ?? {}),
      devDependencies: Object.keys(manifest.devDependencies ?? {}),
      exported: Object.keys(manifest.exports ?? {}),
      sources: readModules(`${folder}/src`),
      page: readModules(`${folder}/page`),
      scripts: readScripts(folder),
      tests: readModules(`${folder}/test`),
    }
  })
}

/** A file below the checkout. */
export function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

/** Whether there is a file at this path below the checkout. */
export function isFile(path: string): boolean {
  return existsSync(join(ROOT, path))
}

/** The manifest in a folder below the checkout. */
export function readManifest(folder: string): Manifest {
  return JSON.parse(readText(`${folder}/package.json`)) as Manifest
}

/** Every module below a folder, at any depth, except generated or installed ones. */
export function readModules(folder: string): readonly Module[] {
  const absolute = join(ROOT, folder)
  if (!existsSync(absolute)) return []
  return filesBelow(folder)
    .filter((path) => /\.(tsx?|mjs)$/.test(path))
    .sort()
    .map(readModule)
}

/** The scripts that lie in a folder itself. */
function readScripts(folder: string): readonly Module[] {
  const names = readdirSync(join(ROOT, folder)).filter((name) => name.endsWith('.mjs'))
  return names.map((name) => readModule(`${folder}/${name}`))
}

function readModule(path: string): Module {
  const text = readText(path)
  const code = withoutComments(text)
  return { path, text, code, imports: importsOf(code), loads: importsOf(withoutTypes(code)) }
}

/** Folders without source code; the links of the workspace in `node_modules` lead to 300,000 files. */
const NO_SOURCES = new Set(['generated', 'node_modules', 'dist'])

function filesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    if (!entry.isDirectory()) return [path]
    return NO_SOURCES.has(entry.name) ? [] : filesBelow(path)
  })
}

/** Comments become blanks; a string or a pattern that looks like a comment stays. */
function withoutComments(text: string): string {
  const token =
    /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\*[\s\S]*?\*\/|\/\/[^\n]*|\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*(?=\s*[.,;)\]\n])/g
  return text.replaceAll(token, (found) => (/^\/[/*]/.test(found) ? ' ' : found))
}

/** Removes statements that import or export only types. */
function withoutTypes(code: string): string {
  return code.replaceAll(/\b(?:import|export)\s+type\b[^'"`;]*?\bfrom\s*['"][^'"]+['"]/g, '')
}

/** The specifiers after `from`, `import` or `new URL(…, import.meta.url)`. */
function importsOf(code: string): readonly string[] {
  const statements = /\b(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/g
  const bare = /\bimport\s*\(?\s*['"]([^'"]+)['"]/g
  const files = /new URL\(\s*['"](\.[^'"]+\.[jt]s)['"],\s*import\.meta\.url\s*\)/g
  return [statements, bare, files].flatMap((pattern) =>
    [...code.matchAll(pattern)].map(([, specifier = '']) => specifier),
  )
}

/** The package that a specifier names; undefined for one that is relative. */
export function packageOf(specifier: string): string | undefined {
  if (specifier.startsWith('.')) return undefined
  if (specifier.startsWith('node:')) return specifier
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

/** The source of the entry of a package of the workspace that a specifier names. */
export function entryOf(packages: readonly Package[], specifier: string): string | undefined {
  const pack = packages.find(({ name }) => name === packageOf(specifier))
  if (pack === undefined) return undefined
  const path = `.${specifier.slice(pack.name.length)}`
  const entry = readManifest(pack.folder).exports?.[path] as Record<string, string> | undefined
  return entry && join(pack.folder, entry['@agentfleet/source'] ?? '')
}

/** The installed packages that a module loads, by itself or through the modules that it loads. */
export function loadedBy(packages: readonly Package[], path: string): readonly string[] {
  const modules = packages.flatMap(({ sources }) => sources)
  const byPath = new Map(modules.map((module) => [module.path, module]))
  const [seen, installed] = [new Set([path]), new Set<string>()]
  for (const each of seen) {
    const module = byPath.get(each)
    if (module === undefined) throw new Error(`there is no ${each}`)
    for (const specifier of module.loads) {
      const name = packageOf(specifier)
      if (name === undefined) seen.add(targetOf(module, specifier))
      else if (name.startsWith('@agentfleet/')) seen.add(entryOf(packages, specifier) ?? '')
      else if (!name.startsWith('node:')) installed.add(name)
    }
  }
  return [...installed].sort()
}

/** The path below the checkout that a relative specifier names; for a thread's `.js` its source. */
export function targetOf(module: Module, specifier: string): string {
  const target = resolve(ROOT, dirname(module.path), specifier)
  const path = relative(ROOT, target).split(sep).join('/').replace('/dist/', '/src/')
  return existsSync(join(ROOT, path)) ? path : path.replace(/\.js$/, '.ts')
}

/** Modules that import each other in a circle, even for types alone; one line for each circle. */
export function circles(modules: readonly Module[]): readonly string[] {
  const byPath = new Map(modules.map((module) => [module.path, module]))
  const targetsOf = (path: string): readonly string[] => {
    const module = byPath.get(path)
    if (module === undefined) return []
    const relatives = module.imports.filter((specifier) => specifier.startsWith('.'))
    return relatives.map((specifier) => targetOf(module, specifier))
  }
  // A module that no other imports, or that imports no other of the rest, is in no circle.
  let rest = new Set(byPath.keys())
  for (let before = -1; before !== rest.size;) {
    before = rest.size
    const imported = new Set([...rest].flatMap(targetsOf))
    rest = new Set(
      [...rest].filter(
        (path) => imported.has(path) && targetsOf(path).some((target) => rest.has(target)),
      ),
    )
  }
  return [...rest].map((path) => {
    const targets = targetsOf(path).filter((target) => rest.has(target))
    return `${path} -> ${targets.join(', ')}`
  })
}

/** Paths of the modules that cannot be reached from the entries. */
export function unreached(
  modules: readonly Module[],
  entries: readonly string[],
): readonly string[] {
  const byPath = new Map(modules.map((module) => [module.path, module]))
  const reached = new Set<string>()
  const waiting = [...entries]
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const module = byPath.get(path)
    if (module === undefined || reached.has(path)) continue
    reached.add(path)
    const relatives = module.imports.filter((specifier) => specifier.startsWith('.'))
    waiting.push(...relatives.map((specifier) => targetOf(module, specifier)))
  }
  return [...byPath.keys()].filter((path) => !reached.has(path))
}

/** Empties texts and patterns: they hold prose, or names that other systems chose. */
export function withoutTexts(code: string): string {
  return code.replaceAll(
    /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|= \/(?:\\.|[^/\\\n])+\/[a-z]*/g,
    "''",
  )
}

/** The modules whose code matches, each with its first match. */
export function matching(modules: readonly Module[], pattern: RegExp): readonly string[] {
  return modules.flatMap(({ path, code }) => {
    const found = pattern.exec(code)
    return found ? [`${path}: ${found[0]}`] : []
  })
}
