import { readFile } from 'node:fs/promises'
import type { LoadHook, ResolveHook } from 'node:module'
import { fileURLToPath } from 'node:url'
import { transform } from '@swc/wasm-typescript'

/**
 * Lets Node load tool modules from any folder and in any supported version of Node: the hooks
 * compile TypeScript without checking its types, and packages that the folder lacks come from the
 * worker. The hooks run in the thread that Node reserves for them.
 */

/** Packages that every tool uses. */
const PROVIDED = ['@agentfleet/toolkit', 'zod']
const TYPESCRIPT = /\.m?ts$/

/** Finds modules: TypeScript under the name of its compiled output, and the worker's packages. */
export const resolve: ResolveHook = async (specifier, context, next) => {
  try {
    return await next(specifier, context)
  } catch (error) {
    if (PROVIDED.some((name) => specifier === name || specifier.startsWith(`${name}/`))) {
      return next(specifier, { ...context, parentURL: import.meta.url })
    }
    // TypeScript may import a file by the name of its compiled output.
    if (!/^\.{1,2}\/.*\.m?js$/.test(specifier)) throw error
    return orElse(error, () => next(specifier.replace(/js$/, 'ts'), context))
  }
}

/** Returns the result of the second try; throws the error of the first if both fail. */
async function orElse<T>(error: unknown, second: () => T | Promise<T>): Promise<T> {
  try {
    return await second()
  } catch {
    throw error
  }
}

/** Loads a module of a file; compiles it if it is TypeScript. */
export const load: LoadHook = async (url, context, next) => {
  if (!url.startsWith('file:') || !TYPESCRIPT.test(new URL(url).pathname)) return next(url, context)
  const path = fileURLToPath(url)
  const source = await compile(await readFile(path, 'utf8'), path)
  return { format: 'module', source, shortCircuit: true }
}

/** Returns the JavaScript of a module in TypeScript or JavaScript; a SyntaxError names the place. */
export async function compile(source: string, path: string): Promise<string> {
  try {
    const { code } = await transform(source, { mode: 'transform', module: true, filename: path })
    return code
  } catch (error) {
    throw new SyntaxError(`cannot be compiled${placeOf(error)}: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

/** Returns the message; the compiler throws objects and texts as well as errors. */
function messageOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'message' in error) {
    return String(error.message)
  }
  return String(error)
}

/** The place that the compiler reports. */
function placeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return ''
  const { startLine, startColumn } = error as Readonly<Record<string, unknown>>
  if (typeof startLine !== 'number') return ''
  return ` at line ${startLine}, column ${Number(startColumn) + 1}`
}
