/**
 * Makes docs/reference/channels.md and docs/reference/asyncapi.yaml from the declared channels; with
 * `--check` it only lists the files that are out of date (exit code 1 if any). It reads the build: run `npx
 * tsc -b` first.
 */
import { dump } from 'js-yaml'
import { z } from 'zod'
import { ALL_CHANNELS, inboxPrefix, SERVICES, STREAM_RIGHTS } from './dist/index.js'
import { writeGenerated } from './generated-file.mjs'

const NOTE =
  'Generated from libs/protocol/src/channels by `npm run document --prefix libs/protocol`; change those files instead.'

/** The schema of a sent message: defaults may be absent, and a value without a JSON form may be anything. */
const schemaOf = (schema) => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    target: 'draft-7',
  })
  return rest
}
const names = (services) => (services.length === 0 ? 'NATS server' : services.join(', '))
const readersOf = ({ stream, listeners }) =>
  stream === undefined ? listeners : Object.keys(STREAM_RIGHTS[stream] ?? {})

const files = {
  'channels.md': markdown(),
  'asyncapi.yaml': `# ${NOTE}\n${dump(asyncApi(), { noRefs: true })}`,
}
for (const [name, text] of Object.entries(files)) {
  const target = new URL(`../../docs/reference/${name}`, import.meta.url)
  await writeGenerated({ target, text, script: 'document' })
}

function sizeOf(bytes) {
  const kib = bytes / 1024
  return kib < 1024 ? `${kib} KiB` : `${kib / 1024} MiB`
}

function markdown() {
  const rows = ALL_CHANNELS.map((channel) => {
    const { name, subject, kind, senders, body, reply, queue, ownNode, stream, version } = channel
    const items = [body.items?.field, reply?.items && `${reply.items.field} (reply)`]
    const notes = [
      stream && `The stream \`${stream}\` stores the messages.`,
      queue && `One process of the queue group \`${queue}\` receives each message.`,
      ownNode &&
        `A worker may ${ownNode === 'sender' ? 'send' : 'receive'} only with its own node id in the subject.`,
    ]
    return [
      `\`${name}\``,
      `\`${subject}\``,
      kind,
      names(senders),
      readersOf(channel).join(', '),
      items.filter(Boolean).join(', ') || '–',
      sizeOf(channel.bytesMax) + (reply ? ` (reply ${sizeOf(channel.replyBytesMax)})` : ''),
      String(version),
      [channel.summary, ...notes.filter(Boolean)].join(' '),
    ]
  })
  const head = [
    'Channel',
    'Subject',
    'Kind',
    'Senders',
    'Listeners',
    'Items',
    'Largest',
    'Version',
    'Meaning',
  ]
  const table = [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`)
  const rights = Object.entries(STREAM_RIGHTS).flatMap(([stream, services]) =>
    Object.entries(services).map(
      ([service, subjects]) =>
        `| ${stream === '*' ? 'all' : stream} | ${service} | ${subjects.map((s) => `\`${s}\``).join(' ')} |`,
    ),
  )
  return `<!-- ${NOTE} -->

# Channels of the bus

This page lists every message that processes send to each other over NATS. \`libs/protocol/src/channels\` declares
each channel once; the permissions of each service's NATS user, this page, \`asyncapi.yaml\` and the metric
\`fleet_bus_messages_total\` follow from the declarations.

- An **event** is a hint: if an event is lost, some work is delayed, but no outcome changes (L6).
- Exactly one listener answers a **request**. Every listener may answer a **question**, and the sender collects the answers.
- A message of the kind **stream** is stored by JetStream; services read it with the rights that are listed below.

Receivers drop unknown fields. A receiver counts and logs a message that it cannot read; it answers an
unreadable request with \`{"refused":{"code","message"}}\`. Each item of a message is checked separately: an
unreadable item becomes \`undefined\`, and the other items keep their positions. Senders split items into messages of at most 1 MiB; one item alone may be as large as the largest message
of its channel. A larger message is neither sent nor read. When an answer needs several messages, each of them says in \`part\` which items
it holds: \`from\` is the position of its first item, \`of\` the number of all items.

${table.join('\n')}

## Rights on streams

In addition to the subjects of its channels, each service may use the subjects of the JetStream API in this table.

| Stream | Service | Subjects of the JetStream API that the service may use |
| --- | --- | --- |
${rights.join('\n')}
`
}

function asyncApi() {
  const channels = {}
  const operations = {}
  for (const channel of ALL_CHANNELS) {
    const { name, subject, summary, body, reply, senders, queue, kind, version } = channel
    const params = [...subject.matchAll(/\{(\w+)\}/g)].map(([, param]) => param)
    channels[name] = {
      address: subject,
      description: summary,
      ...(params.length === 0
        ? {}
        : { parameters: Object.fromEntries(params.map((param) => [param, {}])) }),
      messages: { [name]: messageOf(name, body) },
      'x-kind': kind,
      'x-version': version,
      'x-bytes-max': channel.bytesMax,
      ...(channel.stream === undefined ? {} : { 'x-stream': channel.stream }),
      ...(channel.ownNode === undefined ? {} : { 'x-own-node': channel.ownNode }),
    }
    const answer = `${name}-reply`
    if (reply !== undefined) {
      channels[answer] = { address: null, messages: { [answer]: messageOf(answer, reply) } }
    }
    const replying =
      reply === undefined
        ? {}
        : {
            reply: {
              address: {
                description: `The answer goes to an inbox of the asker: ${senders.map(inboxPrefix).join(', ')}`,
                location: '$message.header#/reply',
              },
              channel: { $ref: `#/channels/${answer}` },
            },
          }
    for (const [action, services] of [
      ['send', senders],
      ['receive', readersOf(channel)],
    ]) {
      if (services.length === 0) continue
      operations[`${action}-${name}`] = {
        action,
        channel: { $ref: `#/channels/${name}` },
        ...replying,
        ...(action === 'receive' && queue !== undefined ? { bindings: { nats: { queue } } } : {}),
        'x-services': [...services],
      }
    }
  }
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'AgentFleet bus',
      version: '1.0.0',
      description: `Messages between the services on NATS: ${SERVICES.join(', ')}.`,
    },
    defaultContentType: 'application/json',
    servers: { nats: { host: 'nats:4222', protocol: 'nats' } },
    channels,
    operations,
  }
}

function messageOf(name, { schema, items }) {
  return {
    name,
    payload: schemaOf(schema),
    ...(items === undefined ? {} : { 'x-items': items.field }),
  }
}
