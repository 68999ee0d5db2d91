import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from './manifests.ts'
import type { Snippet } from './markdown.ts'

const EXTENSIONS: Readonly<Record<string, string>> = { js: 'mjs', ts: 'mts' }
/** Languages of snippets that are compiled. */
export const CODE_LANGUAGES: readonly string[] = Object.keys(EXTENSIONS)
/** Node finds the packages of the fleet, and those that a team's tools may import, from here. */
const FOLDER = join(ROOT, 'services/worker/node_modules/.cache')
const TSC = join(ROOT, 'node_modules/.bin/tsc')
const COMPILER_OPTIONS = {
  module: 'nodenext',
  target: 'es2023',
  strict: true,
  checkJs: true,
  allowJs: true,
  skipLibCheck: true,
  typeRoots: [join(ROOT, 'node_modules/@types')],
  types: ['node'],
  paths: { '@agentfleet/*': [join(ROOT, 'libs/*/dist/index.d.ts')] },
  outDir: 'out',
}

/** Compiled code of snippets, until it is disposed of. */
export interface Compiled extends AsyncDisposable {
  /** The compiler's messages; empty if there are no errors. */
  readonly problems: string
  /** The program made from a snippet. */
  programOf(snippet: Snippet): string
}

/** Compiles the code among these snippets against the build of the packages; other languages are left out. */
export async function compileCode(snippets: readonly Snippet[]): Promise<Compiled> {
  await mkdir(FOLDER, { recursive: true })
  const folder = await mkdtemp(join(FOLDER, 'snippets-'))
  const nameOf = ({ at }: Snippet): string => at.replaceAll(/[/:.]/g, '-')
  for (const snippet of snippets) {
    const extension = EXTENSIONS[snippet.language]
    if (extension === undefined) continue
    await writeFile(join(folder, `${nameOf(snippet)}.${extension}`), snippet.text)
  }
  const project = { compilerOptions: COMPILER_OPTIONS, include: ['*'] }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(project))
  const problems = await promisify(execFile)(TSC, ['-p', folder]).then(
    () => '',
    ({ stdout, stderr }: { stdout: string; stderr: string }) => stdout + stderr,
  )
  return {
    problems,
    programOf: (snippet) => join(folder, 'out', `${nameOf(snippet)}.mjs`),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}
