import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { format, type FormatConfig } from 'oxfmt'
import { ROOT } from './manifests.ts'

/** One Markdown file of the checkout. */
export interface Page {
  /** Path below the checkout. */
  readonly path: string
  readonly text: string
  readonly snippets: readonly Snippet[]
}

/** One fenced block of a page. */
export interface Snippet {
  /** `path:line` of its first line, for messages. */
  readonly at: string
  readonly language: string
  /** The note after the language, such as the name of a schema. */
  readonly note: string
  readonly text: string
  /** The reason in the marker above the block, if no test runs it. */
  readonly notRun: string | undefined
}

/** Folders whose Markdown is foreign or generated. */
const FOREIGN = new Set(['node_modules', 'dist', 'coverage'])
const FENCE = /(?:^<!-- not run: (.+?) -->\n+)?^```(\w*) ?(.*)\n([\s\S]*?)^```$/gm

/** Every Markdown file of the project, in order of its path. */
export function readPages(): readonly Page[] {
  return filesBelow('', '.md').map((path) => {
    const text = readFileSync(join(ROOT, path), 'utf8')
    const snippets = [...text.matchAll(FENCE)].map(
      ({ index, 1: notRun, 2: language = '', 3: note = '', 4: body = '' }): Snippet => {
        const line = text.slice(0, index).split('\n').length
        return { at: `${path}:${line}`, language, note, text: body, notRun }
      },
    )
    return { path, text, snippets }
  })
}

function filesBelow(folder: string, ending: string): readonly string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isFile()) return entry.name.endsWith(ending) ? [path] : []
      const ours = entry.isDirectory() && !entry.name.startsWith('.') && !FOREIGN.has(entry.name)
      return ours ? filesBelow(path, ending) : []
    })
}

/** The texts of all files with tests. */
export function readTests(): readonly string[] {
  return filesBelow('', '.test.ts').map((path) => readFileSync(join(ROOT, path), 'utf8'))
}

/** Broken links of a page: no such file, or no such heading in it. */
export function brokenLinks({ path, text }: Page): readonly string[] {
  const prose = text.replaceAll(FENCE, '').replaceAll(/`[^`\n]*`/g, 'code')
  const targets = [...prose.matchAll(/\]\(<?([^)\s>]+)>?\)/g)].map(([, target = '']) => target)
  return targets
    .filter((target) => !/^[a-z]+:/.test(target))
    .filter((target) => {
      const [file = '', anchor] = target.split('#')
      const aimed = file === '' ? path : join(dirname(path), file)
      if (!existsSync(join(ROOT, aimed))) return true
      if (anchor === undefined) return false
      return !anchorsOf(readFileSync(join(ROOT, aimed), 'utf8')).has(anchor)
    })
    .map((target) => `${path}: ${target}`)
}

/** Paths of the checkout that a page names and that do not exist; a pattern must match some path. */
export function missingPaths({ path, text }: Page): readonly string[] {
  const prose = text.replaceAll(FENCE, '')
  const named = [...prose.matchAll(/`((?:libs|services|test|docs|k8s)\/[^`\s]*)`/g)]
  return named
    .map(([, name = '']) => name)
    .filter((name) => !/[<{…]/.test(name))
    .filter((name) => !isThere(name) && !isThere(join(dirname(path), name)))
    .map((name) => `${path}: ${name}`)
}

function isThere(name: string): boolean {
  const [before = ''] = name.split('*')
  const folder = before === name ? name : dirname(`${before}x`)
  return existsSync(join(ROOT, folder))
}

/** The anchors that GitHub gives to the headings of a page. */
function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>()
  for (const [, heading = ''] of text.replaceAll(FENCE, '').matchAll(/^#{1,6} (.+)$/gm)) {
    const plain = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const slug = plain.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-')
    let anchor = slug
    for (let again = 1; anchors.has(anchor); again += 1) anchor = `${slug}-${again}`
    anchors.add(anchor)
  }
  return anchors
}

/** A table of Markdown. */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

/** A page in the format of the checkout. */
export async function formatted(markdown: string): Promise<string> {
  const style = JSON.parse(readFileSync(join(ROOT, '.oxfmtrc.json'), 'utf8')) as FormatConfig
  const { code } = await format('page.md', markdown, style)
  return code
}
