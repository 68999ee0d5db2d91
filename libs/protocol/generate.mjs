/**
 * Makes src/generated/openapi.ts from openapi.yaml; with `--check` it only says whether the file is out of
 * date (exit code 1).
 */
import openapiTS, { astToString } from 'openapi-typescript'
import ts from 'typescript'
import { writeGenerated } from './generated-file.mjs'

const source = new URL('../../openapi.yaml', import.meta.url)

const header =
  '// Generated from openapi.yaml by `npm run generate --prefix libs/protocol`; change that file instead.\n\n'
/** The operations whose queries the client and the gateway name. */
const OPERATIONS = [
  'countTasks',
  'getFleet',
  'getStats',
  'getTaskEvents',
  'getUsage',
  'listAudit',
  'listDecisions',
  'listIncidents',
  'listKeys',
  'listTasks',
]

// The sender may leave out a field with a default.
const ast = await openapiTS(source, { silent: true, defaultNonNullable: false })
const used = ast.flatMap((node) => {
  if (node.name.text === 'components') return [node]
  if (node.name.text !== 'operations') return []
  const members = node.members.filter(({ name }) => OPERATIONS.includes(name.text))
  const { modifiers, name } = node
  return [ts.factory.createInterfaceDeclaration(modifiers, name, undefined, undefined, members)]
})
await writeGenerated({
  target: new URL('./src/generated/openapi.ts', import.meta.url),
  text: header + astToString(used),
  script: 'generate',
})
