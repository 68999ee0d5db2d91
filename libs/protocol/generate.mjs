/**
 * Makes src/generated/openapi.ts from openapi.yaml; with `--check` it only says whether the file is out of
 * date (exit code 1).
 */
import openapiTS, { astToString } from 'openapi-typescript'
import { writeGenerated } from './generated-file.mjs'

const source = new URL('../../openapi.yaml', import.meta.url)

const header =
  '// Generated from openapi.yaml by `npm run generate --prefix libs/protocol`; change that file instead.\n\n'
// The sender may leave out a field with a default.
const ast = await openapiTS(source, { silent: true, defaultNonNullable: false })
await writeGenerated({
  target: new URL('./src/generated/openapi.ts', import.meta.url),
  text: header + astToString(ast),
  parser: 'typescript',
  script: 'generate',
})
