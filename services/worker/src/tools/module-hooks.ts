import { readFile } from 'node:fs/promises'
import type { LoadHook, ResolveHook } from 'node:module'
import { fileURLToPath } from 'node:url'
import { transform } from '@swc/wasm-typescript'

/**
 * How Node loads a team's tools, wherever their folder is and whichever version of Node runs: TypeScript is
 * compiled without a check of its types, and what a folder has not installed itself comes from the worker.
 * It runs in the thread that Node keeps for such hooks.
 */

/** Packages that every tool is written with. */
const PROVIDED = ['@agentfleet/toolkit', 'zod']
const TYPESCRIPT = /\.m?ts$/

export const resolve: ResolveHook = async (specifier, context, next) => {
  try {
    return await next(specifier, context)
  } catch (error) {
    if (PROVIDED.some((name) => specifier === name || specifier.startsWith(`${name}/`))) {
      return next(specifier, { ...context, parentURL: import.meta.url })
    }
    // Compilers let TypeScript name the file that it will become.
    if (!/^\.{1,2}\/.*\.m?js$/.test(specifier)) throw error
    return orElse(error, () => next(specifier.replace(/js$/, 'ts'), context))
  }
}

/** What the second try gives; the error of the first if that fails too. */
async function orElse<T>(error: unknown, second: () => T | Promise<T>): Promise<T> {
  try {
    return await second()
  } catch {
    throw error
  }
}

export const load: LoadHook = async (url, context, next) => {
  if (!url.startsWith('file:') || !TYPESCRIPT.test(new URL(url).pathname)) return next(url, context)
  const path = fileURLToPath(url)
  const source = await readFile(path, 'utf8')
  try {
    const { code } = await transform(source, { mode: 'transform', module: true, filename: path })
    return { format: 'module', source: code, shortCircuit: true }
  } catch (error) {
    throw new SyntaxError(`cannot be compiled: ${messageOf(error)}`, { cause: error })
  }
}

/** The compiler throws objects and texts as well as errors. */
function messageOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'message' in error) {
    return String(error.message)
  }
  return String(error)
}
