/**
 * Makes src/generated/openapi.ts from openapi.yaml; with `--check` it only says whether the file is out of
 * date (exit code 1).
 */
import { readFile, writeFile } from 'node:fs/promises'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import openapiTS, { astToString } from 'openapi-typescript'
import { format, resolveConfig } from 'prettier'

const source = new URL('../../openapi.yaml', import.meta.url)
const target = new URL('./src/generated/openapi.ts', import.meta.url)

const header =
  '// Generated from openapi.yaml by `npm run generate --prefix libs/protocol`; change that file instead.\n\n'
// The sender may leave out a field with a default.
const ast = await openapiTS(source, { silent: true, defaultNonNullable: false })
const code = header + astToString(ast)
const style = await resolveConfig(fileURLToPath(target))
const made = await format(code, { ...style, parser: 'typescript' })

if (process.argv.includes('--check')) {
  const present = await readFile(target, 'utf8').catch(() => '')
  if (present !== made) {
    process.stderr.write(
      'src/generated/openapi.ts is out of date: run `npm run generate --prefix libs/protocol`\n',
    )
    process.exitCode = 1
  }
} else {
  await writeFile(target, made)
}
