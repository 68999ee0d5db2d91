/**
 * Checks every Markdown page against the checkout: its links, its paths, and its snippets.
 * test/e2e/docs.full.test.ts runs the snippets against a fleet.
 */
import { existsSync, readFileSync } from 'node:fs'
import { SERVICES } from '@agentfleet/protocol'
import { expect, test } from 'vitest'
import { load } from 'js-yaml'
import { loadConfig, type ConfigError } from '../../libs/runtime/src/index.ts'
import { loadDocument } from '../../services/gateway/src/http/openapi/document.ts'
import { requestValidator } from '../../services/gateway/src/http/validation.ts'
import { parseFrame } from '../../services/gateway/src/stream/frames.ts'
import { schemaOf } from './manifests.ts'
import { CODE_LANGUAGES, compileCode } from './compile-snippets.ts'
import { brokenLinks, missingPaths, readPages, readTests, type Snippet } from './markdown.ts'

const FAILURES = new URL('../../docs/failures.md', import.meta.url)
const pages = readPages()
const snippets = pages.flatMap((page) => page.snippets)
/** Drawn by GitHub, or not built here. */
const NOT_CHECKED = new Set(['mermaid', 'dockerfile', 'text'])
test('every relative link in the documents leads to a file and a heading that exist', () => {
  expect(pages.flatMap(brokenLinks)).toEqual([])
})

test('every path of the repository that a document mentions exists', () => {
  expect(pages.flatMap(missingPaths)).toEqual([])
})

test('every rule in the table of failures names the code that keeps it and a test that exists', () => {
  const page = readFileSync(FAILURES, 'utf8')
  const table = page.slice(page.indexOf('## Where each rule is kept and tested'))
  const rows = table.split('\n').filter((line) => /^\| (?!rule |-)/.test(line))
  expect(rows.length).toBeGreaterThan(40)
  const linksOf = (cell = '') => [...cell.matchAll(/\]\(([^)]+)\)/g)].map(([, to = '']) => to)
  const wrong = rows.filter((row) => {
    const [, , code, tests] = row.split(' | ').length === 3 ? ['', ...row.split(' | ')] : []
    const named = [...linksOf(code), ...linksOf(tests)]
    const tested = linksOf(tests).every((to) => to.endsWith('.test.ts'))
    const exist = named.every((to) => existsSync(new URL(to, FAILURES)))
    return linksOf(code).length === 0 || linksOf(tests).length === 0 || !tested || !exist
  })
  expect(wrong).toEqual([])
  const rules = rows.map((row) => row.split(' | ')[0]?.trim())
  expect(new Set(rules).size).toBe(rules.length)
})

test('every test that the security page names exists', () => {
  const page = pages.find(({ path }) => path === 'docs/security.md')
  const titles = [...(page?.text.matchAll(/"([^"|]+)"/g) ?? [])].map(([, title = '']) => title)
  const texts = readTests()
  expect(titles.length).toBeGreaterThan(10)
  expect(titles.filter((title) => !texts.some((text) => text.includes(title)))).toEqual([])
})

test('every snippet in the docs has a language that a test checks, or gives a reason why no test runs it', () => {
  const checked = new Set(['sh', 'json', 'yaml', ...CODE_LANGUAGES, ...NOT_CHECKED])
  const wrong = snippets.filter(({ language }) => !checked.has(language))
  expect(wrong.map(({ at, language }) => `${at}: ${language || 'no language'}`)).toEqual([])
})

const documents = snippets.filter(({ language }) => language === 'json' || language === 'yaml')
test.for(documents.filter(({ note }) => note !== 'answer').map((one) => [one.at, one] as const))(
  'the document at %s fits the schema that it declares',
  async ([, snippet]) => {
    expect(await problemOf(snippet)).toBe('')
  },
)

test('every JavaScript and TypeScript snippet compiles', async () => {
  await using compiled = await compileCode(snippets)
  expect(compiled.problems).toBe('')
}, 60_000)

/** The fault of a document by the note after its language: a schema of the API, `env=NAME`, or `frame`. */
async function problemOf({ language, note, text }: Snippet): Promise<string> {
  const value: unknown = language === 'json' ? JSON.parse(text) : load(text)
  if (note === 'frame') {
    const parsed = parseFrame(text)
    return parsed.kind === 'bad' ? parsed.detail : ''
  }
  const [, variable] = /^env=(\w+)/.exec(note) ?? []
  if (variable !== undefined) return problemOfVariable(variable, text)
  const { components } = loadDocument() as unknown as { components: { schemas: object } }
  if (!(note in components.schemas)) return `openapi.yaml has no schema "${note}"`
  // A snippet may show a part of a body.
  const { [note]: whole } = components.schemas as Readonly<Record<string, object>>
  const part = { ...whole, required: [], anyOf: [{}] }
  const compile = requestValidator()
  const check = compile({ schema: { ...part, components }, method: '', url: '' })
  return check(value) ? '' : JSON.stringify(check.errors)
}

/** The problems that services report for the value of a variable. */
async function problemOfVariable(name: string, value: string): Promise<string> {
  const schemas = await Promise.all(SERVICES.map(schemaOf))
  const readers = schemas.filter(({ shape }) => name in shape)
  if (readers.length === 0) return `no service reads ${name}`
  const problems = readers.map((schema) => {
    try {
      loadConfig(schema, { CLAIM_KEY: 'of-the-test-0123456789', [name]: value })
      return ''
    } catch (error) {
      // The reader's own files do not exist here.
      const { problems } = error as ConfigError
      return problems.filter((problem) => !/keyFile \S+ cannot be read/.test(problem)).join('; ')
    }
  })
  return problems.join('')
}
