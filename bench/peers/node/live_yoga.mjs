// graphql-yoga with graphql-ws, as its documentation has them: events to the subscribers of a deployment.

import { setMaxListeners } from 'node:events';
import { createServer } from 'node:http';
import { useServer } from 'graphql-ws/use/ws';
import { createPubSub, createSchema, createYoga, Repeater } from 'graphql-yoga';
import { WebSocketServer } from 'ws';
import { event, first, tell, typeDefs } from './live.mjs';

setMaxListeners(0);
const pubSub = createPubSub();

function change(id, paused) {
  pubSub.publish('events', id, { deploymentEvents: event(id, paused) });
  return { errors: [] };
}

const resolvers = {
  Query: { ok: () => true },
  Mutation: {
    pauseDeployment: (_, { input }) => change(input.id, true),
    resumeDeployment: (_, { input }) => change(input.id, false),
  },
  Subscription: {
    deploymentEvents: {
      subscribe: (_, { id }) => Repeater.merge([{ deploymentEvents: first() }, pubSub.subscribe('events', id)]),
    },
  },
};

const yoga = createYoga({ schema: createSchema({ typeDefs, resolvers }), logging: false, graphiql: false });
const server = createServer(yoga);
useServer(
  {
    execute: (args) => args.rootValue.execute(args),
    subscribe: (args) => args.rootValue.subscribe(args),
    onSubscribe: async (ctx, _id, params) => {
      const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({
        ...ctx,
        req: ctx.extra.request,
        socket: ctx.extra.socket,
        params,
      });
      const args = {
        schema,
        operationName: params.operationName,
        document: parse(params.query),
        variableValues: params.variables,
        contextValue: await contextFactory(),
        rootValue: { execute, subscribe },
      };
      const errors = validate(args.schema, args.document);
      return errors.length ? errors : args;
    },
  },
  new WebSocketServer({ server, path: yoga.graphqlEndpoint }),
);
server.listen(0, '127.0.0.1', () => tell(server.address().port));
