/** The real server for a test. */
package com.norikv.client.testing;
