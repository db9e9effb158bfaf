// Asks for one part of a gate and then for another, with normalised caches as docs/clients sets them up, and pages on.

import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { Client, fetchExchange } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import { registerHooks } from 'node:module';
import { headers, report, setting } from './setting.mjs';

// Those files stand outside of this folder, and are to find the packages that are installed in it.
registerHooks({
  resolve: (name, context, next) => next(name, /^@(apollo|urql)\//.test(name) ? { ...context, parentURL: import.meta.url } : context),
});
const { possibleTypes, typePolicies } = await import('../../docs/clients/apollo.mjs');
const { keys, resolvers } = await import('../../docs/clients/graphcache.mjs');

const part = (selection) => gql`query ($id: ID!) { deployment(id: $id) { __typename id ${selection} } }`;
const BLOCKERS = part('gate { __typename blockers { __typename kind message } }');
const PROCEED = part('gate { __typename canProceed }');
const PAGE = gql`query ($id: ID!, $after: Cursor) { version(id: $id) { __typename id
  deployments(first: 2, after: $after) { __typename edges { __typename cursor node { __typename id } }
    pageInfo { __typename hasNextPage hasPreviousPage startCursor endCursor } } } }`;
const WHO = gql`{ viewer { __typename id name ... on User { email } ... on ServiceAccount { grants { __typename role } } } }`;

async function apollo() {
  let requests = 0;
  const counting = new ApolloLink((operation, forward) => {
    requests += 1;
    return forward(operation);
  });
  const cache = new InMemoryCache({ possibleTypes, typePolicies });
  const link = ApolloLink.from([counting, new HttpLink({ uri: setting.url, headers })]);
  const client = new ApolloClient({ cache, link });
  const read = async (query, variables) => (await client.query({ query, variables })).data;
  await read(BLOCKERS, { id: setting.deployment });
  await read(PROCEED, { id: setting.deployment });
  const before = requests;
  const { gate } = (await read(BLOCKERS, { id: setting.deployment })).deployment;
  const again = requests - before;
  // Past the cache, where the list that is known would be the answer.
  let after = null;
  let page;
  do {
    const found = await client.query({ query: PAGE, variables: { id: setting.version, after }, fetchPolicy: 'network-only' });
    page = found.data.version.deployments;
    after = page.pageInfo.endCursor;
  } while (page.pageInfo.hasNextPage && requests < setting.limit);
  const whole = cache.readQuery({ query: PAGE, variables: { id: setting.version } }).version.deployments;
  const { viewer } = await read(WHO);
  return { kinds: gate.blockers.map(({ kind }) => kind), again, listed: whole.edges.map(({ node }) => node.id), viewer };
}

async function urql() {
  let requests = 0;
  const warnings = [];
  const client = new Client({
    url: setting.url,
    preferGetMethod: false,
    fetchOptions: { headers },
    fetch: (...given) => {
      requests += 1;
      return fetch(...given);
    },
    exchanges: [
      cacheExchange({ keys, resolvers, logger: (severity, message) => severity !== 'debug' && warnings.push(message) }),
      fetchExchange,
    ],
  });
  const read = async (query, variables) => {
    const { data, error } = await client.query(query, variables).toPromise();
    if (error) throw error;
    return data;
  };
  await read(BLOCKERS, { id: setting.deployment });
  await read(PROCEED, { id: setting.deployment });
  const before = requests;
  const { gate } = (await read(BLOCKERS, { id: setting.deployment })).deployment;
  const again = requests - before;
  let after = null;
  let page;
  do {
    page = (await read(PAGE, { id: setting.version, after })).version.deployments;
    after = page.pageInfo.endCursor;
  } while (page.pageInfo.hasNextPage && requests < setting.limit);
  const listed = page.edges.map(({ node }) => node.id);
  return { kinds: gate.blockers.map(({ kind }) => kind), again, listed, warnings };
}

report({ apollo: await apollo(), urql: await urql() });
