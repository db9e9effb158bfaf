// graphql-yoga: a deployment with its tasks. Takes its setting as JSON on standard input.

import { createServer } from 'node:http';
import { createSchema, createYoga } from 'graphql-yoga';
import { resolvers, tell, typeDefs } from './deployment.mjs';

const yoga = createYoga({ schema: createSchema({ typeDefs, resolvers }), logging: false, graphiql: false });
const server = createServer(yoga);
server.listen(0, '127.0.0.1', () => tell(server.address().port));
