import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAst } from 'vitest/node'

/** A pattern in the source, and the place where it stands. */
export interface SourcePattern {
  readonly place: string
  readonly source: string
  readonly flags: string
}

/** Returns every pattern that the source in these folders writes as a literal. */
export function patternsIn(root: string, folders: readonly string[]): readonly SourcePattern[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .sort()
      .flatMap((file) => patternsOf(root, join(folder, file))),
  )
}

function patternsOf(root: string, file: string): readonly SourcePattern[] {
  const text = readFileSync(join(root, file), 'utf8')
  const found: SourcePattern[] = []
  const visit = (node: unknown): void => {
    if (node === null || typeof node !== 'object') return
    const { regex, start } = node as { readonly regex?: Literal; readonly start?: number }
    if (regex === undefined) for (const inner of Object.values(node)) visit(inner)
    else {
      const line = text.slice(0, start).split('\n').length
      found.push({ place: `${file}:${line}`, source: regex.pattern, flags: regex.flags })
    }
  }
  visit(parseAst(text, { lang: 'ts' }))
  return found
}

interface Literal {
  readonly pattern: string
  readonly flags: string
}
