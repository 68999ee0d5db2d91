import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { defaultCacheDir, findPrograms, type Program } from '@agentfleet/local'

/** A shell, and the lines that a script begins with so that the shell finds its own functions. */
export interface Shell extends Pick<Program, 'path' | 'env'> {
  readonly prelude: string
}

const SHELLS = [
  {
    name: 'fish',
    suite: 'bookworm',
    packages: ['fish', 'fish-common'],
    libraries: ['libpcre2-32-0'],
    floor: [3, 1],
    versionArgs: ['--version'],
    versionPattern: /version (\d+)\.(\d+)[\w.+-]*/,
  },
  {
    name: 'zsh',
    suite: 'bookworm',
    packages: ['zsh', 'zsh-common'],
    libraries: [],
    floor: [5, 8],
    versionArgs: ['--version'],
    versionPattern: /zsh (\d+)\.(\d+)[\w.+-]*/,
  },
] as const

/** Finds fish and zsh, or fetches them as the servers of a fleet. A missing shell fails the test and never skips it. */
export async function findShells(cacheDir = defaultCacheDir(process.env)) {
  const found = await findPrograms(SHELLS, { cacheDir })
  const fish = found('fish')
  const zsh = found('zsh')
  const fishRoot = join(cacheDir, 'fish', 'root', 'usr', 'share', 'fish')
  const zshRoot = join(cacheDir, 'zsh', 'root', 'usr')
  return {
    fish: { ...fish, prelude: fetched(fish) ? `set fish_function_path ${fishRoot}/functions` : '' },
    zsh: { ...zsh, prelude: fetched(zsh) ? await zshPaths(zshRoot) : '' },
  } satisfies Readonly<Record<string, Shell>>
}

function fetched({ origin }: Program): boolean {
  return origin === 'cache'
}

/** The folders of functions and modules: zsh takes neither from its environment. */
async function zshPaths(root: string): Promise<string> {
  const triplets = await readdir(join(root, 'lib'))
  const modules = triplets.map((triplet) => `${root}/lib/${triplet}/zsh/*(N)`)
  return `module_path=(${modules.join(' ')}); fpath=(${root}/share/zsh/functions/**/*(/N))`
}
