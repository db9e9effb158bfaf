from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return """
        CREATE TABLE IF NOT EXISTS "actors" (
    "id" VARCHAR(30) NOT NULL PRIMARY KEY,
    "kind" VARCHAR(20) NOT NULL,
    "name" VARCHAR(100) NOT NULL UNIQUE,
    "email" VARCHAR(254),
    "created_at" TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE "actors" IS 'A person or a service account.';
CREATE TABLE IF NOT EXISTS "api_tokens" (
    "id" VARCHAR(30) NOT NULL PRIMARY KEY,
    "name" VARCHAR(100) NOT NULL,
    "prefix" VARCHAR(20) NOT NULL,
    "secret_hash" VARCHAR(64) NOT NULL UNIQUE,
    "scopes" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL,
    "expires_at" TIMESTAMPTZ,
    "last_used_at" TIMESTAMPTZ,
    "revoked_at" TIMESTAMPTZ,
    "actor_id" VARCHAR(30) NOT NULL REFERENCES "actors" ("id") ON DELETE RESTRICT
);
CREATE INDEX IF NOT EXISTS "idx_api_tokens_actor_i_534a74" ON "api_tokens" ("actor_id");
COMMENT ON TABLE "api_tokens" IS 'A bearer token; only the SHA-256 of its secret is kept.';
CREATE TABLE IF NOT EXISTS "applications" (
    "id" VARCHAR(30) NOT NULL PRIMARY KEY,
    "name" VARCHAR(63) NOT NULL UNIQUE,
    "description" TEXT NOT NULL,
    "repository_url" TEXT,
    "build" JSONB,
    "test" JSONB,
    "deploy" JSONB NOT NULL,
    "health_check" JSONB,
    "archived_at" TIMESTAMPTZ,
    "created_at" TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE "applications" IS 'What can be deployed.';
CREATE TABLE IF NOT EXISTS "deployment_events" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "deployment_id" VARCHAR(30) NOT NULL,
    "number" BIGINT NOT NULL,
    "at" TIMESTAMPTZ NOT NULL,
    "actor_id" VARCHAR(30),
    "type" VARCHAR(40) NOT NULL,
    "body" JSONB NOT NULL,
    CONSTRAINT "uid_deployment__deploym_e5de50" UNIQUE ("deployment_id", "number")
);
COMMENT ON TABLE "deployment_events" IS 'One event of a deployment''s feed, numbered from 1 without a gap.';
CREATE TABLE IF NOT EXISTS "environments" (
    "id" VARCHAR(30) NOT NULL PRIMARY KEY,
    "name" VARCHAR(63) NOT NULL UNIQUE,
    "rank" INT NOT NULL,
    "operator" VARCHAR(20) NOT NULL,
    "worker_pool" VARCHAR(63) NOT NULL,
    "max_concurrent_deployments" INT NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE "environments" IS 'Where it is deployed to.';
CREATE TABLE IF NOT EXISTS "grants" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "role" VARCHAR(20) NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL,
    "actor_id" VARCHAR(30) NOT NULL REFERENCES "actors" ("id") ON DELETE RESTRICT,
    "application_id" VARCHAR(30) REFERENCES "applications" ("id") ON DELETE RESTRICT,
    "environment_id" VARCHAR(30) REFERENCES "environments" ("id") ON DELETE RESTRICT
);
CREATE INDEX IF NOT EXISTS "idx_grants_actor_i_6e3a03" ON "grants" ("actor_id");
COMMENT ON TABLE "grants" IS 'A role of an actor, on an environment, an application, both, or everything.';
CREATE TABLE IF NOT EXISTS "idempotency_keys" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "actor_id" VARCHAR(30) NOT NULL,
    "key" VARCHAR(200) NOT NULL,
    "mutation" VARCHAR(60) NOT NULL,
    "fingerprint" VARCHAR(64) NOT NULL,
    "result" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL,
    CONSTRAINT "uid_idempotency_actor_i_070157" UNIQUE ("actor_id", "key")
);
CREATE INDEX IF NOT EXISTS "idx_idempotency_created_944834" ON "idempotency_keys" ("created_at");
COMMENT ON TABLE "idempotency_keys" IS 'What a mutation answered for a key: the ids of the objects it returned.';
CREATE TABLE IF NOT EXISTS "task_logs" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "task_id" VARCHAR(30) NOT NULL,
    "number" BIGINT NOT NULL,
    "at" TIMESTAMPTZ NOT NULL,
    "level" VARCHAR(5) NOT NULL,
    "message" TEXT NOT NULL,
    "attempt" INT NOT NULL,
    CONSTRAINT "uid_task_logs_task_id_06019f" UNIQUE ("task_id", "number")
);
COMMENT ON TABLE "task_logs" IS 'One log line, numbered from 1 within its task.';
CREATE TABLE IF NOT EXISTS "versions" (
    "id" VARCHAR(30) NOT NULL PRIMARY KEY,
    "name" VARCHAR(100) NOT NULL,
    "commit" VARCHAR(100),
    "created_at" TIMESTAMPTZ NOT NULL,
    "created_by_id" VARCHAR(30) NOT NULL REFERENCES "actors" ("id") ON DELETE RESTRICT
);
CREATE INDEX IF NOT EXISTS "idx_versions_name_5bfd52" ON "versions" ("name");
COMMENT ON TABLE "versions" IS 'What is deployed.';
CREATE TABLE IF NOT EXISTS "artifacts" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "position" INT NOT NULL,
    "image" TEXT,
    "application_id" VARCHAR(30) NOT NULL REFERENCES "applications" ("id") ON DELETE RESTRICT,
    "version_id" VARCHAR(30) NOT NULL REFERENCES "versions" ("id") ON DELETE RESTRICT,
    CONSTRAINT "uid_artifacts_version_67bd3e" UNIQUE ("version_id", "application_id")
);
COMMENT ON TABLE "artifacts" IS 'What a version holds of one application.';
CREATE TABLE IF NOT EXISTS "deployments" (
    "id" VARCHAR(30) NOT NULL PRIMARY KEY,
    "status" VARCHAR(20) NOT NULL,
    "progress" INT NOT NULL,
    "strategy" JSONB NOT NULL,
    "must_in_order" JSONB NOT NULL,
    "error_message" TEXT,
    "attempt" INT NOT NULL,
    "revision" INT NOT NULL,
    "last_event" BIGINT NOT NULL,
    "rollback_of" VARCHAR(30),
    "created_at" TIMESTAMPTZ NOT NULL,
    "updated_at" TIMESTAMPTZ NOT NULL,
    "queued_at" TIMESTAMPTZ,
    "started_at" TIMESTAMPTZ,
    "resumed_at" TIMESTAMPTZ,
    "completed_at" TIMESTAMPTZ,
    "created_by_id" VARCHAR(30) NOT NULL REFERENCES "actors" ("id") ON DELETE RESTRICT,
    "environment_id" VARCHAR(30) NOT NULL REFERENCES "environments" ("id") ON DELETE RESTRICT,
    "version_id" VARCHAR(30) NOT NULL REFERENCES "versions" ("id") ON DELETE RESTRICT
);
CREATE INDEX IF NOT EXISTS "idx_deployments_environ_0faa34" ON "deployments" ("environment_id", "status");
CREATE INDEX IF NOT EXISTS "idx_deployments_status_ee5dd7" ON "deployments" ("status");
CREATE INDEX IF NOT EXISTS "idx_deployments_version_3ff210" ON "deployments" ("version_id");
CREATE INDEX IF NOT EXISTS "idx_deployments_created_9711e8" ON "deployments" ("created_by_id");
COMMENT ON TABLE "deployments" IS 'A version on its way to an environment.';
CREATE TABLE IF NOT EXISTS "deployment_applications" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "position" INT NOT NULL,
    "definition" JSONB NOT NULL,
    "previous_version_id" VARCHAR(30),
    "previous_deployment_id" VARCHAR(30),
    "previous_since" TIMESTAMPTZ,
    "application_id" VARCHAR(30) NOT NULL REFERENCES "applications" ("id") ON DELETE RESTRICT,
    "deployment_id" VARCHAR(30) NOT NULL REFERENCES "deployments" ("id") ON DELETE RESTRICT,
    CONSTRAINT "uid_deployment__deploym_a1a908" UNIQUE ("deployment_id", "application_id")
);
CREATE INDEX IF NOT EXISTS "idx_deployment__applica_05745a" ON "deployment_applications" ("application_id");
COMMENT ON TABLE "deployment_applications" IS 'An application of a deployment, and what ran before its deploy task began.';
CREATE TABLE IF NOT EXISTS "releases" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "since" TIMESTAMPTZ NOT NULL,
    "application_id" VARCHAR(30) NOT NULL REFERENCES "applications" ("id") ON DELETE RESTRICT,
    "deployment_id" VARCHAR(30) NOT NULL REFERENCES "deployments" ("id") ON DELETE RESTRICT,
    "environment_id" VARCHAR(30) NOT NULL REFERENCES "environments" ("id") ON DELETE RESTRICT,
    "version_id" VARCHAR(30) NOT NULL REFERENCES "versions" ("id") ON DELETE RESTRICT,
    CONSTRAINT "uid_releases_environ_8a9dba" UNIQUE ("environment_id", "application_id")
);
CREATE INDEX IF NOT EXISTS "idx_releases_applica_17a801" ON "releases" ("application_id");
COMMENT ON TABLE "releases" IS 'What runs now.';
CREATE TABLE IF NOT EXISTS "rollbacks" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "status" VARCHAR(20) NOT NULL,
    "automatic" BOOL NOT NULL,
    "reason" TEXT NOT NULL,
    "requested_by" VARCHAR(30),
    "started_at" TIMESTAMPTZ NOT NULL,
    "completed_at" TIMESTAMPTZ,
    "error_message" TEXT,
    "deployment_id" VARCHAR(30) NOT NULL REFERENCES "deployments" ("id") ON DELETE RESTRICT
);
CREATE INDEX IF NOT EXISTS "idx_rollbacks_deploym_a55f58" ON "rollbacks" ("deployment_id");
COMMENT ON TABLE "rollbacks" IS 'Work that takes a deployment''s applications back.';
CREATE TABLE IF NOT EXISTS "tasks" (
    "id" VARCHAR(30) NOT NULL PRIMARY KEY,
    "key" VARCHAR(200) NOT NULL,
    "name" VARCHAR(200) NOT NULL,
    "type" VARCHAR(20) NOT NULL,
    "status" VARCHAR(20) NOT NULL,
    "order" INT NOT NULL,
    "block_by" JSONB NOT NULL,
    "command" JSONB,
    "payload" JSONB NOT NULL,
    "result" JSONB,
    "error_message" TEXT,
    "timeout_seconds" INT NOT NULL,
    "max_attempts" INT NOT NULL,
    "position" JSONB,
    "attempt" INT NOT NULL,
    "failures" INT NOT NULL,
    "losses" INT NOT NULL,
    "activity" VARCHAR(10),
    "worker" VARCHAR(100),
    "lease_until" TIMESTAMPTZ,
    "resume_at" TIMESTAMPTZ,
    "retry_at" TIMESTAMPTZ,
    "touched" BOOL NOT NULL,
    "stop" BOOL NOT NULL,
    "rollout" JSONB,
    "started_at" TIMESTAMPTZ,
    "completed_at" TIMESTAMPTZ,
    "last_log" BIGINT NOT NULL,
    "application_id" VARCHAR(30) REFERENCES "applications" ("id") ON DELETE RESTRICT,
    "deployment_id" VARCHAR(30) NOT NULL REFERENCES "deployments" ("id") ON DELETE RESTRICT,
    CONSTRAINT "uid_tasks_deploym_6927dd" UNIQUE ("deployment_id", "key")
);
COMMENT ON TABLE "tasks" IS 'A task of a deployment''s workflow.';
CREATE TABLE IF NOT EXISTS "task_attempts" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "number" INT NOT NULL,
    "activity" VARCHAR(10) NOT NULL,
    "status" VARCHAR(20) NOT NULL,
    "worker" VARCHAR(100),
    "started_at" TIMESTAMPTZ NOT NULL,
    "completed_at" TIMESTAMPTZ,
    "error_message" TEXT,
    "exit_code" INT,
    "task_id" VARCHAR(30) NOT NULL REFERENCES "tasks" ("id") ON DELETE RESTRICT,
    CONSTRAINT "uid_task_attemp_task_id_1937b3" UNIQUE ("task_id", "number")
);
COMMENT ON TABLE "task_attempts" IS 'One attempt of a task.';
CREATE TABLE IF NOT EXISTS "workers" (
    "id" VARCHAR(100) NOT NULL PRIMARY KEY,
    "pool" VARCHAR(63) NOT NULL,
    "started_at" TIMESTAMPTZ NOT NULL,
    "seen_at" TIMESTAMPTZ NOT NULL
);
CREATE INDEX IF NOT EXISTS "idx_workers_pool_12843b" ON "workers" ("pool");
COMMENT ON TABLE "workers" IS 'A worker process that said it lives.';
CREATE TABLE IF NOT EXISTS "aerich" (
    "id" SERIAL NOT NULL PRIMARY KEY,
    "version" VARCHAR(255) NOT NULL,
    "app" VARCHAR(100) NOT NULL,
    "content" JSONB NOT NULL
);"""


async def downgrade(db: BaseDBAsyncClient) -> str:
    return """
        DROP TABLE IF EXISTS "workers";
        DROP TABLE IF EXISTS "task_attempts";
        DROP TABLE IF EXISTS "tasks";
        DROP TABLE IF EXISTS "rollbacks";
        DROP TABLE IF EXISTS "releases";
        DROP TABLE IF EXISTS "deployment_applications";
        DROP TABLE IF EXISTS "deployments";
        DROP TABLE IF EXISTS "artifacts";
        DROP TABLE IF EXISTS "versions";
        DROP TABLE IF EXISTS "task_logs";
        DROP TABLE IF EXISTS "idempotency_keys";
        DROP TABLE IF EXISTS "grants";
        DROP TABLE IF EXISTS "environments";
        DROP TABLE IF EXISTS "deployment_events";
        DROP TABLE IF EXISTS "applications";
        DROP TABLE IF EXISTS "api_tokens";
        DROP TABLE IF EXISTS "actors";
        """


MODELS_STATE = (
    "eJztXW1v2zgS/iuEv1wPyBaN89Le3Se3m+3mrm0ObW672GIh0BJt6yyLWopKauzlvx+pF+"
    "uNlEVbtimFQIEmFIeRn6HJmWeGwz9HK+wgL3w5sSkmo7+DP0c+XCH2Q/nBGRjBIMibeQOF"
    "Uy/uCXmXuAlOQ0rYr6x1Br0QsSYHhTZxA+pin/edgACREPsAEwBBiMiDayMAbRtHPn3Jx3"
    "CwzQZx/Xm77pHv/hEhi+I5ogvEP8K331mz6zvoOwqzX4OlNXOR55Q+oevwAeJ2i66DuO3d"
    "ApKf4p78VaaWjb1o5ee9gzVdYH/Tnb0pb50jHxFIkVP44H7keSlCWVPyrqyBkghtXtLJGx"
    "w0g5HH4ePSyRvkbSPL+nR3b325ubesUQ3aTKIAX9pkY5+rxfVpGH/+Ffxuecif0wX79eLV"
    "U/J3chySXvwP/jL5/O7nyecXF6/+yv8gZrpNVP4pfTKOHz3FQ0AKk0Fi1HOYl+xjqgCd9e"
    "8G6qwhxzqfmUcHe9wG7LEc7HEKdg5u/L8CuFn/wc3j81dtsGW9pODGz8roohV0PRV4NwI7"
    "4Zuip+ncvbpsM3mvLuWzlz8rA2wTxOGwIK2j/CN7Qt0VEiNdlqzA7aSiL7MferhyNIB9f/"
    "vx5sv95OO/+fCrMPzDi/Ga3N/wJ+O4dV1pfXFd0ctmEPD19v5nwH8Fv919uonhxCGdk/gv"
    "5v3ufxvxd4IRxZaPHy3oFDHJmrOmJ77tzpaFHYE3TKG9fITEsWpP8BjL+tYfrcaragv04T"
    "xWEkeTv2dmvwTuPV4iX2jbZM+azZvAZeYF69baxJkiSBABsdA/APa9NWC2Cfjy8+SH8dU1"
    "wDPg0pBZM2wOU+CGYIkCoe2z8zjbjaJvidVmMavmd2MgndZAOu0ertUmc5BdPCBo5n5XQT"
    "iXGCDG3RuhyQpkLWC4UEG5Ija4leO6jcF0LbeXrmvmUmhjPkYN439+ufskwXgjUTWRXJuC"
    "/wHPDWkPZ3QDsByLkl2UAfri4+TXKtbvPty9rRo8fIC3xk59LnZqyd/7HrhsuB3UXJbsQM"
    "2a+YJD0rIHQ2pF4U5f56qs0bTOmibogflOu+i5LGm0rLOWN56sgu1ZlBmgjd+N01qjcCqY"
    "1wH/CRPkzv1/oXUM+y17RejbIm+1Gl7qGdxP2YTKWvOvOIGPGy6lNM/Yp2efGdH4839m0/"
    "7z7bv70dOpeLHAc22Yfm4BNZY/PmtmxzYdW/JjXxeQAhv6YIqAgwIPr5FTZ7+kvUzAT4el"
    "4UxbPksjqK8v2hAAF3IC4KJKABRfq4bwPfpOxQhXxAax4TVZMDe/3jdTABsD5sPdp/dZ9y"
    "ov8FSxJZnd4rLVfG1FRBAUlKNflxxCdPDY+E8j1xOs33LqayOwF/PVH9QPQnxRFAp8Jzno"
    "WX+D+e6YJ+aOCuq5hGF59wB+gaBHF5a9QPZSBf6qnJn8u+sAEnvhPuzE2VREDWmjM2ljIi"
    "qDVbMumT+EurOEiajTG9mzs0ZuI+2lQmxA8IBIyFrAArO35Ek62EegQJNIuI6WggL649so"
    "lUx5poLIJr9nV3rkrTu/9SV+jZAg4VRY5SuXrqL6Ou1z/go//G08vrh4PX51cf3m6vL166"
    "s3r96wvvH71h+9bviSvr19f/up4tHwhmbWJPYRhX69VAFFke1q6MHKl2pifH75+vLNxfXl"
    "RgGblibcM4wLM3rFlgYVV30jYDx0dQ+9su7UYG+IxtQkB0FRHYZ4zQEvL/ttwS5LGaDVg1"
    "8pgh2Ev37JR+oZ5G0DYOXZJgmBSVaRDgCuxLEGCnJ9/dQq1vhjTE+tkC+0xQtPG61xZ9Ov"
    "dSJ+ZlGzfzxT/hGuAcUA+gD5Dy7BPh9MlHjfWq5Non1BJlUOm7Q0Ckes57fSz4XvSvx75u"
    "lO1yZPX4O4ZqoqBahziQFus93nkQcEc+5BALHcBSqIGBdI4ALxsSmaK4UTijImoLAHmb2K"
    "Qrbm+xYmDhJkS8k1UBM0athDDYgQTKwVWyYU6YCaoKEFdqAFKEWrQEDzSxf1goRZ0wVrOk"
    "EPrtgBlUJaFDGYCjCNE/vRQ+qFtCfBy3JDgvYofHhhUmPP4+6mhWcqJnZFbAgL9KFpQxN6"
    "3Wlv7EPotajmKHB2VHNZ0qhZazUzQKOdtFwSNMkyOus4pJDs9lUuSxot66xlNlS02vG0Yl"
    "HSaFlnLdt4FfDAzE72V0XWaFprTZfCNwo+TU1wgNGD7t2aepytLd51SQO4ST8x6ScaQ36w"
    "9JPCWtABwDfl0QYKcn39bAF0vsl1gPPQywjULAJN83u2VBUQdzxrl/VjqZcamPjF/HmeUg"
    "9BPuAZgL4DHnnyPYkLDczYtIsTfpI+gMJwyZrnUJCz3+3Qwqz+wkdvldj/TdjBpPqbVH8N"
    "V76u43fsBV1fgmrTwdmilEmy2CPJIuAhZhyF1m5ugUTcxPO2+2Eb6GobhjL4tREM/gr4h2"
    "5qpKpwenVpw+rpzOqZU05H/nrtvKp1s5g9B7gbyCandDpjTze9fNSjZ8C39dVr084cenre"
    "h55uHraefLp5UDj+lKQbtqRA7nwE4v5ViuIvIZgh5Jyx915NEUEOmBG8Aufg0WVzKuIFCe"
    "YwqBMfXQzYju5IxjH1C/pBapht+qhWUfrlUJrwucyQKKQj5ynvUJfKpFH2wK07RRFxzdz0"
    "Q69ZMTgK+Gb9B7ghXLYB91IO7mUN3Cl2lA55Zv0N6a1Ietec5dP4F8XUAoFvUck8kPsVhe"
    "B96zpnKA5m8isHs9LsgGJRXTN5R1PGXY/V2ZRx3wp192XcCfQFBWblhzfT7kOy2jsL/OKA"
    "f3rRZSTyqVqUGaBx0X1ljkdMlohYAcZK12FXxAYIdfdrAx+e/Uk7IoRTIpWqRy1XjOZBzD"
    "oiWEfMqVgp1H338zWx2N+zfVxoqycPGq30Oe/Suu4ZwR6K6XkfxBzFGa9kVi5fdhY/zEMo"
    "Z2CK6YJ1JJzdJ2wSsxkhqo3W6dgHvKjcMP/HYv75jFCxCrL+AzQHure8zLY02G3p5PSzbg"
    "o9NP988tStZ8b3n/xE5jPAuyF1y9zRCtolEm2/o1WXE4KaTeiDHhA8ZU5cT3HWPCXu1kGr"
    "AFPk22umuJHAE670OGtyid28r7VEa7VLelYRTQ7uQT98TJLVmHcKARuIQbtAwE2u4OE/4u"
    "l/kU1DHsgiiEbEl95X3M24wuy44iLFBjNZcf3wjY1dfwQ7c4kEmQ9yfNPuA4R2/Kod/9BE"
    "QNTQzZY0FYiLMgPE+boNzNdylK9rIM/YH0ckIK7IqJTjXBEbItSXbaC+lEN9WQu+o5C/bw"
    "1leapULmGSpfY4IdwvKvOYtkrfmUxNAmyfmacDQzQSOBbZo0aPgiSdVDwJEvkhYFBIHILS"
    "Y6FdX3eNTZWPYZj+O50G7/IQeI/2m16sclqFEnRTrjkFPii4Tx66eW6Am2KapwmSmXqPzy"
    "Cc01egW8dzBCtJByCb8rA1cE05lEOVQzkRZZBeHzUScQbZs7NG0iDt1ZY1wGQJKOcGKFyi"
    "sFpBo1jjFPBhBcTCLiO0SbQta8rQCprSCuYW4sNm3HK/f8W+P7ZglmPsIehLHPuiXAXpaX"
    "oCqmdQN03eu7sPJbLm7W31LtD/fHx78/nFeQw96+TS0gwvBmRgKLJX5Pey5hKDmNFNxNgh"
    "bmQliH3sUFZ8vSFxvyJncjK3+/UaXd3Vp2nfNz7Y3Or0XDRtLhM/5dZlwgCmGKwOwA+D/b"
    "iHoZD5iNvPmlgPfn9J6+PI8WUn9WqhvDrEzBPlTrQTaVdFdO9kaVNaqPPSQiZh95AJu6ct"
    "3DR8fGOAFPDN+g8S367ZN0NvHhhgTBxR3WApe7/pb6oGCbjLqYftpZBGa6i8WZAxCeX7JJ"
    "TjFTNtBSabHPuCyF7Q98cNP8xlX3DtYaiEfEHETPo9oD/Z8ZVnPuUN73dK3o/z3jiiVojY"
    "izgqpRAFksaSEVgy3OyElKJVoFxpsihmsBVgK7/wtWG/lN/4atZthXU7nZwKU7ogYWazYD"
    "bPoOtFBKmsEkURg6kAUw+HoRKiuYDBU3RLj03dB5cq0cxFmSHYaGUm6bwNk3QuZ5LOJUXB"
    "VRDOJYaIbzuAmxCuQRyfR7Yin7qCuuvNWSUVUZNUonNSCXfRV2iH3KGSoNGx3jqmZL2Tin"
    "M5o2GdNUxxZC+Q6HREU954QcpkjbfPGg8pDhSRzkQMzArJ+djzcKTGN+cihrjYnbjQKHO8"
    "P5ro3Z5hEsefi6Y9GFLLw3PBptVweLIoNSSm59i3Np+6Xo9mXyxTrqf3cJs8/RPk6etS0U"
    "Sz5aTzgianOw8xSaN/kmMRkzw42Hw6ohQV335K4s5HIJVIzj3wMeonI+TdhKch4hdJgPaj"
    "1ZQ1m7rxGtknDZcvJ9qqaUAKfy4wJCux3/FA7UA9cEDQ5O4f5RpmFYBNxFUx4qoR66bb7B"
    "4SGWNot+eiaZO3fcq8bfTdpQxTR4C81JQtyexkzWoGetfGbMGra30GNRcZoKV1cEKNpgUR"
    "9uR4sroKPQO7LbtTmGTa0Tof8HwkoXQ+JNGVLXSOh+cKVA7rDTzXZ08Tx5xfBEjwCpyDR5"
    "cuXB+4NGygeNTEDfUzJOrHrO4Hj07J2LWmST5Mgu3YYVhlZ8t40z3wsTz0gAQJ6vIFayMw"
    "wOXqqsVqdSVdrK5q12+qe677+qy64Xtsp9UcGezCY625U6cx/rNLLATGf+F+C7nxn14RoX"
    "IpoBumVeukF4VXe2wvz69krJuSdZ2XrNOtqNrpsD5I2IXX5XGVrj7OJYbAyx4D4l5dv6uN"
    "gdE3WzxT1nStSCLUBAdhOx6ZKM5B7IAuntgU9xHztnxxbcZpxRp/TVInBHbj101ShdxsTB"
    "IvWpdITrqDgGCbOW/J9U4hdB3gUuC5DygUFUluJ2RsS202Y7l5GaRnENtinfUfnnl5fdEC"
    "7esLKdj8kUnpeYaGT4iQv4uOczGjYO0UrAmJNEHEtRciWyB90mgLwLzPNlNArtiOt/HnEs"
    "zdM+lGvmNLr9ndelv3QH2r8VWbyAfrJU94vqpFP/iXSgHhtPsA0T0Q6+ZT4SHBpgLaGxFT"
    "xlmxusNJN7On/wMYI1kf"
)
