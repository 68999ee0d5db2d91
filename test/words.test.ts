/**
 * The words that a reader new to the project stumbles over stay out of code, tests, API texts and documents.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { matching, readPackages, withoutTexts } from './architecture.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** This file holds the phrases that it looks for; the others are generated. */
const NOT_READ = new Set(['test/words.test.ts', 'docs/reference/asyncapi.yaml', 'pnpm-lock.yaml'])

/** A phrase that a text must not hold, and what to write in its place; a space also matches a line break. */
const PHRASES: readonly (readonly [phrase: string, better: string])[] = [
  ['who(?:so|m)?ever', 'name the actor: "the caller", "a client that …"'],
  ['(?:some|any)(?:body|one)', 'name the actor: "another process", "a caller"'],
  ['but for', 'except for, without'],
  ['of (?:its|their|one’s) own', 'its own …, a separate …'],
  ['of (?:ours|yours|theirs)', 'our own …, your …'],
  ['(?:go|goes|going|went|gone) on', 'continues'],
  ['(?<!(?:far|long|soon|well) )as (?:it is|they are)', 'unchanged'],
  ['what (?:is|was) there', 'name it'],
  ['(?<!there )(?:is|are) no (?!longer|more|less|later|earlier)', 'is not a …'],
  ['(?:is|are|was|were) told(?! apart)', 'receives, gets an error that says …'],
  ['for good', 'permanently'],
  ['no harm', 'safe'],
  ['in vain', 'without a result'],
  ['comes? of', 'follows from, results from'],
  ['the like', 'name the others'],
  ['anew', 'again'],
  ['heed(?:s|ed|less)?', 'follow, ignore'],
  [
    'thus|hence|lest|thrice|thereof|therein|whereof|wherein|whereby|hereby',
    'say it in plain words',
  ],
  ['nobody', 'name the actor: "no client", "no process"'],
  ['whichever', 'any …, no matter which …'],
  ['once more', 'again'],
  ['instants?', 'time'],
  ['besides?', 'in addition to, next to, without'],
]
/** Words that docs/glossary.md replaced: some are plain English in prose, and some are good names in code. */
const REPLACED: readonly (readonly [old: string, now: string, where?: 'names' | 'prose'])[] = [
  ['verdicts?|convict\\w*|bur(?:y|ied)', 'declare dead'],
  ['upkeep|reconcil\\w+', 'repair'],
  ['[Dd]esk', 'LLM context'],
  ['churn[ -]?maps?|(?:createC|c)hurnMap', 'compacting map'],
  ['speakers?', 'primary monitor'],
  ['ledger', 'recent decisions', 'prose'],
  ['beats?', 'heartbeat', 'names'],
  ['judge', 'failure detector', 'names'],
  ['sight|eyes', 'fleet view', 'names'],
  ['gate|Gate|createGate', 'limiter', 'names'],
  ['hurry', 'closeEarly', 'names'],
  ['course', 'incident workflow', 'names'],
  ['feeds', 'subscriptions', 'names'],
  ['trust', 'ejection', 'names'],
  ['Handed', 'leader state', 'names'],
]
/** Openings of a comment that leave out what it speaks of; an operation and its subject belong there. */
const VAGUE =
  '(?:What|Who|That which) (?:is|are|was|were|does|do|did|has|have|had|can|may|must|came)'
/** A title lacks its subject, or speaks in a style that no other title has: they start in lower case. */
const CLIPPED = /^(?:[Nn]ot|nor|and|but|or|of) |^(?:An?|The|Each|Every) |^\S+( \S+)?$/

/** Texts, comments and patterns of code. */
const TOKEN =
  /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\*[\s\S]*?\*\/|\/\/[^\n]*|\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*(?=\s*[.,;)\]\n])/g
/** A comment, or a text of at least two words; other tokens are names and patterns. */
const PROSE = /^\/[/*]|^['"`][^\n]*\w,? \w/

const texts = filesBelow('')
  .filter((path) => /\.(?:ts|mjs|md|ya?ml)$|^\.env\.example$/.test(path) && !NOT_READ.has(path))
  .map((path) => ({ path, text: readFileSync(`${ROOT}${path}`, 'utf8') }))

test('no text of the project contains a banned word', () => {
  const replaced = REPLACED.filter(([, , where]) => where !== 'names')
  const patterns = [...PHRASES, ...replaced].map(([phrase, better]) => ({
    pattern: new RegExp(`\\b(?:${spread(phrase)})\\b`, 'gi'),
    better,
  }))
  const found = texts.flatMap(({ path, text }) => {
    const said = proseOf(path, text)
    return patterns.flatMap(({ pattern, better }) =>
      [...said.matchAll(pattern)].map(
        ({ 0: words, index }) => `${place(path, text, index)}: "${oneLine(words)}" → ${better}`,
      ),
    )
  })
  expect(found).toEqual([])
})

test('names in code and names of files have none of the words that the glossary replaced', () => {
  const product = readPackages()
    .flatMap(({ sources }) => sources)
    .filter(({ path }) => !path.startsWith('test/'))
    .map((module) => ({ ...module, code: withoutTexts(module.code) }))
  const words = REPLACED.filter(([, , where]) => where !== 'prose').map(([old]) => old)
  expect(matching(product, new RegExp(`\\b(?:${words.join('|')})\\b`))).toEqual([])
  const file = new RegExp(`/(?:${words.join('|')})(?:-[^/]*)?\\.ts$`)
  expect(product.map(({ path }) => path).filter((path) => file.test(path))).toEqual([])
})

test('comments do not begin with a phrase that leaves out their subject', () => {
  const opening = new RegExp(`(?:/\\*\\*?|//)[\\s*]+(?:${spread(VAGUE)})\\b`, 'g')
  const found = texts.flatMap(({ path, text }) =>
    /\.(?:ts|mjs)$/.test(path)
      ? [...text.matchAll(opening)].map(
          ({ 0: words, index }) => `${place(path, text, index)}: ${oneLine(words)}`,
        )
      : [],
  )
  expect(found).toEqual([])
})

test('titles of tests start in lower case and with a subject or a verb', () => {
  const title = /\b(?:test|it)\(\s*(['"`])(.+?)\1\s*,/g
  const found = texts.flatMap(({ path, text }) =>
    [...(path.endsWith('.test.ts') ? text.matchAll(title) : [])]
      .filter(([, , said = '']) => CLIPPED.test(said))
      .map(({ 2: said, index }) => `${place(path, text, index)}: ${said}`),
  )
  expect(found).toEqual([])
})

/** The files of the checkout that people write. */
function filesBelow(folder: string): readonly string[] {
  return readdirSync(`${ROOT}${folder}`, { withFileTypes: true }).flatMap((entry) => {
    if (/^(?:node_modules|dist|generated|\.(?!env\.example$).*)$/.test(entry.name)) return []
    const path = `${folder}${entry.name}`
    return entry.isDirectory() ? filesBelow(`${path}/`) : [path]
  })
}

/** The text with blanks in place of everything that is not prose, or that quotes somebody else. */
function proseOf(path: string, text: string): string {
  if (path.endsWith('.md')) return unquoted(text.replaceAll(/^ *```[\s\S]*?^ *```/gm, blank))
  if (path === 'openapi.yaml') return text.replaceAll(/`[^`\n]+`/g, blank)
  if (/\.ya?ml$|^\.env/.test(path)) return unquoted(text.replaceAll(/^[^#\n]+/gm, blank))
  let said = ''
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    said += blank(text.slice(said.length, index))
    said += PROSE.test(token)
      ? token.slice(0, 1) + unquoted(token.slice(1, -1)) + ' '
      : blank(token)
  }
  return said
}

function unquoted(text: string): string {
  return text.replaceAll(/`[^`\n]+`|"[^"\n]+"|“[^”]+”/g, blank)
}

function blank(text: string): string {
  return text.replaceAll(/[^\n]/g, ' ')
}

/** A phrase may break over two lines, also of a comment. */
function spread(phrase: string): string {
  return phrase.replaceAll(/ (?=\(?[a-z])/g, '[\\s*/]+')
}

function oneLine(words: string): string {
  return words.replaceAll(/[\s*/]+/g, ' ').trim()
}

function place(path: string, text: string, index: number): string {
  return `${path}:${text.slice(0, index).split('\n').length}`
}
