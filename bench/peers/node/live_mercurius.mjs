// Mercurius with its JIT on, and its own publisher: events to the subscribers of a deployment.

import Fastify from 'fastify';
import mercurius from 'mercurius';
import { event, first, tell, typeDefs } from './live.mjs';

async function change(pubsub, id, paused) {
  await pubsub.publish({ topic: id, payload: { deploymentEvents: event(id, paused) } });
  return { errors: [] };
}

const resolvers = {
  Query: { ok: () => true },
  Mutation: {
    pauseDeployment: (_, { input }, { pubsub }) => change(pubsub, input.id, true),
    resumeDeployment: (_, { input }, { pubsub }) => change(pubsub, input.id, false),
  },
  Subscription: {
    deploymentEvents: {
      subscribe: async (_, { id }, { pubsub }) => {
        const events = await pubsub.subscribe(id);
        pubsub.queue.push({ deploymentEvents: first() });
        return events;
      },
    },
  },
};

const app = Fastify();
app.register(mercurius, { schema: typeDefs, resolvers, subscription: true, jit: 1 });
await app.listen({ host: '127.0.0.1', port: 0 });
tell(app.server.address().port);
