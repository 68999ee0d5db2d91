/**
 * Makes docs/reference/operations.md from openapi.yaml; with `--check` it only says whether the page is out of
 * date (exit code 1).
 */
import { readFile } from 'node:fs/promises'
import { load } from 'js-yaml'
import { writeGenerated } from './generated-file.mjs'

const source = new URL('../../openapi.yaml', import.meta.url)
const NOTE =
  'Generated from openapi.yaml by `npm run document --prefix libs/protocol`; change that file instead.'
const METHODS = ['get', 'post', 'put', 'patch', 'delete']

const { paths, tags } = load(await readFile(source, 'utf8'))
const operations = Object.entries(paths).flatMap(([path, item]) =>
  METHODS.filter((method) => item[method] !== undefined).map((method) => ({
    path,
    method: method.toUpperCase(),
    ...item[method],
  })),
)

const needs = ({ security = [] }) => {
  if (security.length === 0) return 'no key'
  const [scope] = security[0].bearer
  return scope === undefined ? 'any key' : `\`${scope}\``
}
const table = (rows) =>
  [['Operation', 'Request', 'Scope', 'Meaning'], ['---', '---', '---', '---'], ...rows]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n')

const sections = tags.map(({ name, description }) => {
  const rows = operations
    .filter((operation) => operation.tags.includes(name))
    .map((operation) => [
      `\`${operation.operationId}\``,
      `\`${operation.method} ${operation.path}\``,
      needs(operation),
      operation.summary,
    ])
  return `## ${name[0].toUpperCase()}${name.slice(1)}\n\n${description}\n\n${table(rows)}`
})

const text = `<!-- ${NOTE} -->

# Operations of the API

Each operation needs a key with the scope in this table. \`security\` in \`openapi.yaml\` declares the scope of an
operation, and the gateway reads the scope from there. No scope includes another scope: a key that submits and reads needs \`tasks:write\` and \`tasks:read\`.

${sections.join('\n\n')}
`

await writeGenerated({
  target: new URL('../../docs/reference/operations.md', import.meta.url),
  text,
  script: 'document',
})
