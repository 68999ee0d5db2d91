import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The programs of a fleet, which run from their bundles (`bundle.mjs`). */

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const BUNDLE = new URL('../bundle.mjs', import.meta.url)

/** What this module uses of `bundle.mjs`. */
interface Bundler {
  staleBundles(): readonly string[]
  makeBundles(stale: readonly string[]): Promise<void>
}

/**
 * Makes the bundles of the programs that have changed. The bootstrap does so before a command; this is for tests that a
 * developer starts without it.
 */
export async function bundlePrograms(): Promise<void> {
  const { staleBundles, makeBundles } = (await import(BUNDLE.href)) as Bundler
  await makeBundles(staleBundles())
}

/** The file that Node runs for the program in this folder, such as `services/worker`. */
export function mainOf(folder: string): string {
  return join(ROOT, folder, 'dist', 'main.js.bundle', 'main.js')
}
