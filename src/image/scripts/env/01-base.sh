#!/bin/sh
# The first of the scripts that make the environment of a container.
# They run in the order of their names.
