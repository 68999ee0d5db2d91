import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import type { ToolOutput } from '../tool.ts'

/** Converts the answer of an MCP server for the model: text unchanged, and a description of everything else. */
export function outputOf(result: CallToolResult): ToolOutput {
  const parts = result.content.map(textOf)
  const { structuredContent, isError } = result
  // Servers repeat structured content as text for clients that do not support it.
  if (parts.length === 0 && structuredContent) parts.push(JSON.stringify(structuredContent))
  const text = parts.join('\n')
  const error = isError === true
  return { text: error && !/^error\b/i.test(text) ? `error: ${text}` : text, error }
}

function textOf(part: CallToolResult['content'][number]): string {
  switch (part.type) {
    case 'text':
      return part.text
    case 'image':
    case 'audio':
      return `[${part.type}, ${part.mimeType}, ${part.data.length} characters of base64]`
    case 'resource_link':
      return `[resource ${part.name}: ${part.uri}]`
    case 'resource': {
      const { resource } = part
      return 'text' in resource ? resource.text : `[resource ${resource.uri}, not text]`
    }
  }
}
