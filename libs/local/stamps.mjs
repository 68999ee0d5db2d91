/**
 * Hashes by which the bootstrap knows that the files that a step reads have not changed since the step passed.
 * Plain JavaScript without dependencies, because it runs before any are installed.
 */
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { join, relative, sep } from 'node:path'

/** The text of a file; empty if the file does not exist. */
export function readOrEmpty(file) {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return ''
    throw error
  }
}

/** All files below a folder in a stable order, without those in folders of these names. */
export function filesBelow(folder, skipped = new Set()) {
  const found = []
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    if (skipped.has(entry.name)) continue
    const path = join(folder, entry.name)
    if (entry.isDirectory()) found.push(...filesBelow(path, skipped))
    else if (entry.isFile()) found.push(path)
  }
  // The file system lists folders in any order.
  return found.sort((a, b) => (a < b ? -1 : 1))
}

/** A hash of the paths and the contents of these files. */
export function hashOf(root, files) {
  const hash = createHash('sha256')
  for (const file of files)
    hash.update(`${relative(root, file).replaceAll(sep, '/')}\0${readOrEmpty(file)}\0`)
  return hash.digest('hex')
}
