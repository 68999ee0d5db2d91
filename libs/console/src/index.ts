import { readdirSync, readFileSync } from 'node:fs'
import { sep } from 'node:path'

/** The encodings in which a file of the page is stored next to its plain form. */
export type Encoding = 'br' | 'gzip'

/** One file of the page with its compressed forms. */
export interface PageFile {
  /** The path below `/console/`, such as `assets/index-B4x.js`. */
  readonly path: string
  readonly type: string
  /** Whether the name has a hash of the contents, so that browsers may keep the file. */
  readonly immutable: boolean
  readonly bytes: Buffer
  readonly encoded: Readonly<Partial<Record<Encoding, Buffer>>>
}

/** `src` and `dist` are equally deep below the package. */
const SITE = new URL('../dist/site/', import.meta.url)

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
}
const ENCODINGS: readonly (readonly [Encoding, string])[] = [
  ['br', '.br'],
  ['gzip', '.gz'],
]

/** Reads every file of the built page into memory; returns none if the page has not been built. */
export function readPage(): readonly PageFile[] {
  const names = new Set(filesOf(SITE))
  return [...names].sort().flatMap((path) => {
    const type = TYPES[path.slice(path.lastIndexOf('.') + 1)]
    if (type === undefined) return []
    const encoded = ENCODINGS.filter(([, suffix]) => names.has(path + suffix)).map(
      ([encoding, suffix]) => [encoding, readFileSync(new URL(path + suffix, SITE))] as const,
    )
    return {
      path,
      type,
      immutable: path.startsWith('assets/'),
      bytes: readFileSync(new URL(path, SITE)),
      encoded: Object.fromEntries(encoded),
    }
  })
}

function filesOf(folder: URL): readonly string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) =>
      path.split(sep).join('/'),
    )
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
