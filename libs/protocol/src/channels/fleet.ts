import { z } from 'zod'
import { historySchema, snapshotSchema } from '../control.ts'
import {
  heartbeatSchema,
  idSchema,
  loadSchema,
  pingSchema,
  providerModelSchema,
  providersSchema,
} from '../heartbeat.ts'
import { balancerSchema } from '../messages.ts'
import { event, request } from './channel.ts'

/** That the node answers is all that is asked for. */
const here = z.object({})

/** What nodes and services say of themselves. */
export const FLEET_CHANNELS = {
  heartbeat: event({
    name: 'heartbeat',
    subject: 'node.{nodeId}.heartbeat',
    summary: 'The figures of a node, at a regular interval.',
    body: heartbeatSchema,
    senders: ['worker'],
    listeners: ['load-balancer', 'health-monitor'],
    ownNode: 'sender',
    version: 1,
  }),
  load: event({
    name: 'load',
    subject: 'node.{nodeId}.load',
    summary: 'The figures of a node soon after a change, and the tasks that left it.',
    body: loadSchema,
    items: { field: 'ended', schema: idSchema },
    senders: ['worker'],
    listeners: ['load-balancer'],
    ownNode: 'sender',
    version: 1,
  }),
  providers: event({
    name: 'providers',
    subject: 'node.{nodeId}.providers',
    summary: 'How the models of its providers stand, as the node sees them.',
    body: providersSchema,
    items: { field: 'models', schema: providerModelSchema },
    senders: ['worker'],
    listeners: ['gateway'],
    ownNode: 'sender',
    version: 1,
  }),
  ping: request({
    name: 'ping',
    subject: 'node.{nodeId}.ping',
    summary: 'Are you there? It may tell the node that an incarnation was declared dead.',
    body: pingSchema,
    reply: here,
    senders: ['health-monitor'],
    listeners: ['worker'],
    ownNode: 'listener',
    version: 1,
  }),
  drain: request({
    name: 'drain',
    subject: 'node.{nodeId}.drain',
    summary: 'Finish what runs and take nothing new.',
    body: z.object({}),
    reply: here,
    senders: ['health-monitor', 'autoscaler', 'recovery'],
    listeners: ['worker'],
    ownNode: 'listener',
    version: 1,
  }),
  balancer: event({
    name: 'balancer',
    subject: 'fleet.balancer',
    summary: 'A load balancer lives, and says whether fresh tasks may be handed to it.',
    body: balancerSchema,
    senders: ['load-balancer'],
    listeners: ['load-balancer', 'gateway'],
    version: 1,
  }),
  snapshot: event({
    name: 'snapshot',
    subject: 'fleet.snapshot',
    summary: 'The cluster as the health monitor sees it.',
    body: snapshotSchema,
    senders: ['health-monitor'],
    listeners: ['gateway', 'load-balancer', 'health-monitor', 'autoscaler', 'recovery'],
    version: 1,
  }),
  history: event({
    name: 'history',
    subject: 'fleet.history',
    summary: 'Totals of the last hour, every ten seconds.',
    body: historySchema,
    senders: ['health-monitor'],
    listeners: ['gateway', 'health-monitor'],
    version: 1,
  }),
} as const
