import { z } from 'zod'
import { historySchema, snapshotSchema } from '../control.ts'
import {
  heartbeatSchema,
  idSchema,
  loadSchema,
  offeredToolSchema,
  offersSchema,
  pingSchema,
  providerModelSchema,
  providersSchema,
} from '../heartbeat.ts'
import { balancerSchema } from '../messages.ts'
import { gatewaySchema, holdingSchema, holdingsSchema } from '../holdings.ts'
import { event, request } from './channel.ts'

/** The node's answer alone is what the sender needs. */
const here = z.object({})

/** Reports of nodes and services about themselves. */
export const FLEET_CHANNELS = {
  heartbeat: event({
    name: 'heartbeat',
    subject: 'node.{nodeId}.heartbeat',
    summary: 'The load of a node, at a regular interval.',
    body: heartbeatSchema,
    senders: ['worker'],
    listeners: ['load-balancer', 'health-monitor'],
    ownNode: 'sender',
    version: 1,
  }),
  load: event({
    name: 'load',
    subject: 'node.{nodeId}.load',
    summary: 'The load of a node soon after a change, and the tasks that left it.',
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
    summary: "The state of the models of a node's providers, as the node sees it.",
    body: providersSchema,
    items: { field: 'models', schema: providerModelSchema },
    senders: ['worker'],
    listeners: ['gateway'],
    ownNode: 'sender',
    version: 1,
  }),
  offers: event({
    name: 'offers',
    subject: 'node.{nodeId}.offers',
    summary: 'The tools and models that tasks may name on the node.',
    body: offersSchema,
    items: { field: 'tools', schema: offeredToolSchema },
    senders: ['worker'],
    listeners: ['gateway'],
    ownNode: 'sender',
    version: 1,
  }),
  ping: request({
    name: 'ping',
    subject: 'node.{nodeId}.ping',
    summary:
      'The health monitor asks whether a node answers. The request can say that an incarnation of the node was declared dead.',
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
    summary: 'A node gets the request to finish its runs and accept nothing new.',
    body: z.object({}),
    reply: here,
    senders: ['gateway', 'health-monitor', 'autoscaler', 'recovery'],
    listeners: ['worker'],
    ownNode: 'listener',
    version: 1,
  }),
  balancer: event({
    name: 'balancer',
    subject: 'fleet.balancer',
    summary:
      'A load balancer announces that it is alive, and whether gateways may hand new tasks to it.',
    body: balancerSchema,
    senders: ['load-balancer'],
    listeners: ['load-balancer', 'gateway'],
    version: 1,
  }),
  gateway: event({
    name: 'gateway',
    subject: 'fleet.gateway',
    summary: 'A gateway announces that it is alive, and for how many tenants it has keys.',
    body: gatewaySchema,
    senders: ['gateway'],
    listeners: ['coordinator'],
    version: 1,
  }),
  holdings: event({
    name: 'holdings',
    subject: 'fleet.holdings',
    summary: 'What each tenant holds of the log and of Redis, counted from the log.',
    body: holdingsSchema,
    items: { field: 'tenants', schema: holdingSchema },
    senders: ['coordinator'],
    listeners: ['gateway'],
    version: 1,
  }),
  snapshot: event({
    name: 'snapshot',
    subject: 'fleet.snapshot',
    summary: 'The states and loads of all nodes, as the primary monitor sees them.',
    body: snapshotSchema,
    senders: ['health-monitor'],
    listeners: ['gateway', 'load-balancer', 'health-monitor', 'autoscaler', 'recovery'],
    version: 1,
  }),
  history: event({
    name: 'history',
    subject: 'fleet.history',
    summary: 'The totals of the fleet in the last hour; sent every ten seconds.',
    body: historySchema,
    senders: ['health-monitor'],
    listeners: ['gateway', 'health-monitor'],
    version: 1,
  }),
} as const
