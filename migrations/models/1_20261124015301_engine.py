from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return """
        CREATE TABLE IF NOT EXISTS "sweeps" (
    "id" VARCHAR(20) NOT NULL PRIMARY KEY,
    "at" TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE "sweeps" IS 'When the workers last swept, so that one of them does it at a time.';
        ALTER TABLE "deployments" ADD "paused" BOOL NOT NULL DEFAULT False;
        CREATE INDEX IF NOT EXISTS "idx_deployments_updated_2ef97b" ON "deployments" ("updated_at");
        CREATE INDEX IF NOT EXISTS "idx_tasks_lease_u_09e15d" ON "tasks" ("lease_until");"""


async def downgrade(db: BaseDBAsyncClient) -> str:
    return """
        DROP INDEX IF EXISTS "idx_deployments_updated_2ef97b";
        DROP INDEX IF EXISTS "idx_tasks_lease_u_09e15d";
        ALTER TABLE "deployments" DROP COLUMN "paused";
        DROP TABLE IF EXISTS "sweeps";"""


MODELS_STATE = (
    "eJztXWtv2zgW/SuEv2wX8Awa59Hu7ienk5nJbtss2ux0MMVAoCXa1loWNRSV1JjNf19SD+"
    "tFKqIj25RMoEATipeRD2ny3nMf/HO0xg7ywu+nNsVk9Hfw58iHa8R+KD8YgxEMgryZN1A4"
    "8+KekHeJm+AspIT9ylrn0AsRa3JQaBM3oC72ed8pCBAJsQ8wARCEiDy4NgLQtnHk0+/5GA"
    "622SCuv2jXPfLdPyJkUbxAdIn4R/j6O2t2fQd9Q2H2a7Cy5i7ynNIndB0+QNxu0U0Qt71b"
    "QvJj3JO/ysyysRet/bx3sKFL7G+7szflrQvkIwIpcgof3I88L0Uoa0relTVQEqHtSzp5g4"
    "PmMPI4fFw6eYO8bWRZH+/urc8395Y1qkGbSRTgS5ts7PNpcX0axp9/Db9ZHvIXdMl+PX/9"
    "lPydHIekF/+Dv0w/vft5+unV+eu/8j+I2dwmU/4xfTKJHz3FQ0AKk0Fi1HOYV+xjqgCd9e"
    "8G6qwhxzpfmQcHe9IG7Ikc7EkKdg5u/L8CuFn/wa3js9dtsGW9pODGz8roojV0PRV4twI7"
    "4Zuip+navbxos3gvL+Srlz8rA2wTxOGwIK2j/AN7Qt01EiNdlqzA7aSi32c/9HDnaAD7/v"
    "bDzef76Yd/8+HXYfiHF+M1vb/hTyZx66bS+uqqMi/bQcCX2/ufAf8V/Hb38SaGE4d0QeK/"
    "mPe7/23E3wlGFFs+frSgU8Qka86anvixO18VTgTeMIP26hESx6o9wRMs61t/tJ6sqy3Qh4"
    "t4kjia/D0z/SVw7/EK+ULdJnvWrN4ELlMvWLfWKs4MQYIIiIX+AbDvbQDTTcDnn6ffTS6v"
    "AJ4Dl4ZMm2FrmAI3BCsUCHWfncd5Xin6mmhtFtNqfjcK0nEVpOOe4VodMns5xQOC5u43FY"
    "RziQFi3L0SmuxA1hKGSxWUK2KD2zmu2ihMV3J96aqmLoU25mPUMP7n57uPEoy3ElUVybUp"
    "+B/w3JD2cEU3AMuxKOlFGaCvPkx/rWL97v3ddVXh4QNcGz31VPTUkr33LXDZcDtMc1myg2"
    "nWzBYc0ix7MKRWFO70da7KmpnWeaYJemC20y7zXJY0s6zzLG8tWQXdsygzQB2/G6O1RuFU"
    "MK8D/iMmyF34/0KbGPZb9orQt0XWatW91DO4n7IFlbXmX3ECH7dcSmmdsU/PPjOi8ef/xJ"
    "b9p9t396OnY/FigefaMP3cAmosfzxuZse2HVvyY1+WkAIb+mCGgIMCD2+QU2e/pL2Mw0+H"
    "rWGsLZ+lEdRX520IgHM5AXBeJQCKr1VD+B59o2KEK2KDOPCaNJibX++bKYCtAvP+7uNPWf"
    "cqL/BU0SWZ3uKy3XxjRUTgFJSjX5ccgnfw0PjPItcT7N9y6msr8CLmqz+o74X4oigU2E5y"
    "0LP+BvPdMU/UHRXUcwnD8r4A+CWCHl1a9hLZKxX4q3Jm8e8+B5DYS/dhJ86mImpIG51JG+"
    "NRGew06xL5Q6g7T5iIOr2RPRs3chtpLxViA4IHRELWApaYvSUP0sE+AgWaRMJ1tBQU0B9f"
    "R6lkyjMVRLbxPbvSI9fu4taX2DVCgoRTYZWvXLqL6mu0L/grfPe3yeT8/M3k9fnV28uLN2"
    "8u375+y/rG71t/9KbhS3p9+9Ptx4pFwxuaWZPYRhTa9dIJKIo8Pw092PnSmZicXby5eHt+"
    "dbGdgG1LE+4ZxoUVvWZbg4qpvhUwFrq6hV7Zd2qwN3hjapKDoKj2Q7zmgJe3/bZgl6UM0O"
    "rOrxTBDtxfv+Qj9Qzytg6w8mqTuMAku0gHAFf8WAMFub5/auVr/CGmp9bIF+rihaeN2riz"
    "7dc6ED/TqNk/Hin/CDeAYgB9gPwHl2CfDyYKvG8t1ybQviCTTg5btDQKR6zn19LPhe9K/H"
    "tm6c4226YocDLj18TtH9nPmU6dAtS5xACP3e7jygOCORchgFhuEhVEjEkkMIn42BQtlNwL"
    "RRnjYHgBub2OQnYG+BYmDhJET8lnoCZopuEF0xBAHsErILsw9hD0JTvLVqiC/YxJHRJ0sb"
    "bTBdjXd3fvS2Bf31bN/v98uL759OosRp51cmmJ3SpE0hOCibVmO7EiA1MTNEzMDkwMpWgd"
    "CDwr0nOzIGGOTcF6JujBFdv8UkiLIgZTAaZxLgV6SA2/9n6HstyQoD2IC6KwqLHncQvfwn"
    "MVK6YiNoQNet9MrfF273Q29sHbXZzmAjujOM1lSTPNWk8zAzTaaZZLgiY+Sec5Dikku32V"
    "y5JmlnWeZTZUtN4xQbQoaWZZ51m28TrgvrCd9K+KrJlprWe65DFTsGlqggN00HRv1tRdm2"
    "3xrksawE3Ej4n40RjyvUX8FPaCDgC+KY82UJDr+2cLoPNDrgOch165oaYRaBpS9UwhB3HH"
    "cbtAK0u9usPUL6Ys8CwGCPIBxwD6Dnjk+Q4kru0wZ8sujrFK+gAKwxVrXkBBmkS3QwsTKQ"
    "ofvVUuxVdhB5NdYbIrNNz5uvbfsRd0fQmqTbnKRSkTx/KSOBbuYsZRaO1mFkjEjT/veTts"
    "C13twFAGvzaCwV8B/9BNlVQVTq8ubVg9nVk9k1h24K/XzrtaN5vZKcDdQDY5pYSYF5rp5e"
    "yangHf1lavLTuTZ3baeWY3D88mm908KGScJeGGLSmQOx+BuH+VovhLCOYIOWP23usZIsgB"
    "c4LX4Aw8umxNRbwGxAIGdeKjiwHb0R3JOKZkRD9IDXNMH1QrSr8cSgs+lxkShXTgOOUdSo"
    "GZMMoemHXHqNuumZm+7z0rBkcB36z/AA+EizbgXsjBvaiBO8OOUh5t1t+Q3oqkd81YPo59"
    "UQwtENgWlcgDuV1RcN63Li2HYmcmv+Uxq4YPKBaVkpN3NJXz9didTeX8Z6HuvnI+gb6gpq"
    "88eTPtPiStvTPHLw74pxfd/yJfqkWZASoX3Rc/ecRkhYgVpNUF2uJcERsg1N3vDXx49ift"
    "iBBOiVQKTbXcMZoHMfuIYB8xWbFSqPtu52uisf/EznGhrp48aNTSF7xL61JzBHsopud9EH"
    "MUY148rlwxbhw/zF0oYzDDdMk6Es7uE7aI2YoQlaPrdOw93g1vmP9DMf98RahoBVn/AaoD"
    "3Wte5lga7LF0dPpZtwndN/989NCtE+P7j56ReQJ4N4RumWtxQbtAouevxdUlQ1CzBb3XBM"
    "FjxsT1FGfNQ+JuHbQOMEW+vWETNxJYwpUe4yaT2M37Wiu0UbsXaR3RJHEP+uFjEqzGrFMI"
    "2EAM2iUCbnLrEf8Rz/6LbBpyRxZBNCK+9IrobsYVRscVNyk2mImK64dtbPT6A+iZKySIfJ"
    "Djm3YfILST1+34hyYCooZutqWpQFyUGSDOV21gvpKjfFUDec7+OCIBcUVKpRznitgQob5o"
    "A/WFHOqLmvMdhfx9ayjLQ6VyCRMs9YIM4X5RmYfUVfrOZGriYPvELB0YopHAsMgeNVoUJO"
    "mkYkmQyA8Bg0JiEJQeC/X6umlsqnwMQ/XfKRu8yyTwHp03vdjltHIl6Da5Jgt8UHAf3XVz"
    "aoCbYprHcZKZeo8n4M7pK9Ct/TmCnaQDkE152Bq4phzKvsqhHIkySK+PGok4g+zZuJE0SH"
    "u1ZQ0wWQHKuQEKVyisVtAo1jgFfFgBsbDLCG0CbcszZWgFTWkFc9HzfiNuud2/Zt8fW7DK"
    "m+5kLckd+VrW/TM2HV7PShAMRfqK/F7WXGIQK7qJGNvHjawEsY8dyoqvNwTuV+RMTObzdr"
    "1GV3f1adn3jQ82tzqdykyby8SPeXQZN4ApBqsD8MNgPz4/IhSMBNRH8mDcxHuEvEv7ikF+"
    "HPKcFIQIAb81HbARAjoGIU7YDOyjNDJ6DRyM4rjoOKY6PvzqNEg3Y5o6RHrY3w0h1Kbg4l"
    "D0KE3ixO5hKCR84/bGTY9f29S6CkN8x1O9SDLfr+aeKGSsnUi74smiHJGvozi+zYp86nqK"
    "BO/JbWz7L7Bm0hb2mbZw3PJ1w8c3BkgB36z/IPHt2gdhnDx7BhgTR1Q9XerD3PY3tdMEHp"
    "yZh+2V0JnQUH+4IGPSal6SVoPXTNMVqGxy7AsiL4K+P2Tkfq48hBsPQyXkCyJm0b8A+qMl"
    "8Z34kjfej2N6PzhthSNqhYi9iKNSEFYgaTQZgSbD1U5IKVoHyvV2i2IGWwG28muvG85L+b"
    "3XZt9W2LfTxamwpAsSZjULVvMcul5EkMouURQxmAow9XAYKiGaCxg8RXeV2dR9cKkSzVyU"
    "GYKOVmaSztowSWdyJulMcjWCCsK5xBDxbQdwE8I1iIteqxrOza7giqgJrdPNJVw16tdohw"
    "jKkqCZY73nmJLNTlOcy5kZ1nmGKY7sJRLliDVlzxSkTO5M+9yZkOJAEelMxMCskKKEPQ9H"
    "anxzLmKIi92JC43yZ/ozE707M0z6zKnMNI/Stjy8EBxaDSnkRakhMT2Hvrv+2FXLNPtima"
    "JlvYfbZCsdIVtJl7pOmm0nnZd1Ol56xDT1/kmyJKa5c7A5WaLkFX8+aeLORyCVSNIg+Bj1"
    "RAl5N2FyRPwiCdB+tJ6xZnN7hkb6ScMV9Mls1WZACn8uMCQtsd/+QO1A3bND0MTuH+Qyeh"
    "WAjcdV0eOqEeum2+oeEhljaLdTmWkTt33MuG30zaUMU0eAvFSVLcnspM1qBnrXymzBqmud"
    "g5qLDFDT2juhRtP6CC/keLIyCz0Duy27U1hk2tE67/FiJKF03ifelWfoHA8vFKgc1ht4rs"
    "+eJoY5vw6V4DU4A48uXbo+cGnYQPGoiRvqZ0jUj9nd9+6dkrFrTYt8mATbod2wpqLVEG0s"
    "Dz0gQYC6fMPaCgxwu7pssVtdSjery9olxOqW60ttVt3wPbTRalIGu7BYa+bUcZT/7Cofgf"
    "JfuOVHrvynF+WoXI3qhmkRO+RIbket9jC1OPVQERscspoVVTse1ntxu/C6PK7SBfC5xBB4"
    "2UNA3KtLyLVRMPqmi2eTNdsokgg1wUHojgcminMQO6CLpzbFfcS8LV9cW3FascZfktAJgd"
    "74ZRtUIVcb09rs7bTGaVrKHQQE28x4S0q4h9B1eNl2z31Aoahmcjsho1tqcxjL1csgzUFs"
    "i3XWf3jq5dV5C7SvzqVg80cmpOcEFZ8QIX+XOc7FzARrN8GakEhTRFx7KdIF0ieNugDM+z"
    "ynCsgntuNj/FScuS8MupGf2NLLxuWHdkFkgLbV5LKN54P1kgc8X9a8H/xLpYBw2n2A6O6J"
    "dfOpMEmwqYD2VsSUcVas7nDUw+zp/3xPbJg="
)
