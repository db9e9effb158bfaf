// Mercurius with its JIT on: a deployment with its tasks. Takes its setting as JSON on standard input.

import Fastify from 'fastify';
import mercurius from 'mercurius';
import { resolvers, tell, typeDefs } from './deployment.mjs';

const app = Fastify();
app.register(mercurius, { schema: typeDefs, resolvers, jit: 1 });
await app.listen({ host: '127.0.0.1', port: 0 });
tell(app.server.address().port);
